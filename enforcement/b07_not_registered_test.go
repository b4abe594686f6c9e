package enforcement

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// B7: a page asked for with another tenant's identifier is refused, because the
// account is not registered with that tenant.
func TestB07AnotherTenantIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var heard []tenancy.Refusal
	db, err := tenancy.Open(t.Context(), o.AppURL, tenancy.Config{
		Key: o.Key, Registry: accounts.Registry{},
		Refused: func(_ context.Context, r tenancy.Refusal) { heard = append(heard, r) },
	})
	require.NoError(t, err)
	defer db.Close()

	_, err = db.Admit(t.Context(), o.anna, o.beta)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.ErrorContains(t, err, "not registered with this tenant")
	require.Len(t, heard, 1, "and the attempt is reported")
	require.Equal(t, o.anna, heard[0].Actor)
	require.Equal(t, o.beta, heard[0].Tenant)

	// A tenant that does not exist gets the same answer.
	_, unknown := db.Admit(t.Context(), o.anna, tenancy.NewID())
	require.Equal(t, err.Error(), unknown.Error())

	// The control: her own tenant.
	scope, err := db.Admit(t.Context(), o.anna, o.alpha)
	require.NoError(t, err)
	require.Equal(t, o.alpha, scope.Tenant())
}

// The same at the edge: a page asked for with another tenant's identifier. The
// answer is that for a tenant which does not exist, and the attempt stands in
// the log of the tenant that was asked for.
func TestB07APageOfAnotherTenantIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	refusals := &audit.Refusals{}
	db, err := tenancy.Open(t.Context(), o.AppURL, tenancy.Config{Key: o.Key, Registry: accounts.Registry{}, Refused: refusals.Record})
	require.NoError(t, err)
	defer db.Close()
	refusals.Use(db)

	// Anna has signed in; what her session says of a tenant varies.
	session := middleware.Identity{Actor: o.anna}
	entrance, err := middleware.New(middleware.Config{
		DB: db, Tenant: middleware.PathPrefix("/customers/"),
		Authenticate: middleware.AuthenticatorFunc(func(*http.Request) (middleware.Identity, error) { return session, nil }),
	})
	require.NoError(t, err)
	pages := entrance.Handle(func(w http.ResponseWriter, r *http.Request, s tenancy.Scope) {
		_ = json.NewEncoder(w).Encode(titles(t, db.For(s), "select title from app.documents"))
	})
	open := func(tenant tenancy.ID) (int, string) {
		answer := httptest.NewRecorder()
		pages.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/customers/"+tenant.String(), nil))
		return answer.Code, answer.Body.String()
	}
	attempts := func() (n int) {
		require.NoError(t, o.Admin(t).QueryRow(t.Context(),
			"select count(*) from watertight.audit_event where tenant_id = $1 and action = 'watertight.refused'", o.beta).Scan(&n))
		return n
	}

	// Her session says nothing of a tenant, is bound to her own, and carries her
	// role there as well.
	for i, bound := range []middleware.Identity{
		{Actor: o.anna},
		{Actor: o.anna, Tenant: o.alpha},
		{Actor: o.anna, Tenant: o.alpha, Role: tenancy.RoleOwner},
	} {
		session = bound
		status, page := open(o.alpha)
		require.Equal(t, http.StatusOK, status, "the control: her own tenant")
		require.JSONEq(t, `["Alpha's secret"]`, page)

		status, page = open(o.beta)
		require.Equal(t, http.StatusForbidden, status)
		require.NotContains(t, page, "Beta")
		require.Equal(t, i+1, attempts(), "Beta's log tells of it")
		unknown, same := open(tenancy.NewID())
		require.Equal(t, status, unknown)
		require.Equal(t, page, same)
	}
}
