package middleware_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func Example() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	// Who sent it. In a service this is the Identify of an accounts/session
	// Verifier.
	verify := func(_ context.Context, token string) (middleware.Identity, error) {
		if token != "anna's" {
			return middleware.Identity{}, middleware.ErrUnauthenticated
		}
		return middleware.Identity{Actor: e.Anna}, nil
	}
	m, err := middleware.New(middleware.Config{
		DB:           db,
		Authenticate: middleware.Bearer(verify),
		Tenant:       middleware.PathPrefix("/t/"), // which tenant is asked for
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /t/{tenant}/people", m.Handle(func(w http.ResponseWriter, r *http.Request, s tenancy.Scope) {
		users, err := query.New(db.For(s)).ListUsers(r.Context(), s.Tenant())
		if err != nil {
			middleware.Fail(w, err)
			return
		}
		for _, u := range users {
			fmt.Fprintln(w, u.Email)
		}
	}))

	get := func(tenant tenancy.ID, token string) {
		r := httptest.NewRequest(http.MethodGet, "/t/"+tenant.String()+"/people", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	get(e.Alpha, "anna's")
	get(e.Beta, "anna's")          // not registered there
	get(tenancy.NewID(), "anna's") // no such tenant: the same answer
	get(e.Alpha, "forged")
	// Output:
	// 200 anna@alpha.example
	// 403 {"error":"not allowed"}
	// 403 {"error":"not allowed"}
	// 401 {"error":"sign in first"}
}
