// Package desk is where the platform's support works: with a tenant's own grant,
// for as long as it lasts, and with every statement in that tenant's log before
// it is run (package tenancy/support).
//
// There is no list of customers here. Whoever was let in got the address of the
// grant from the customer, and nobody else can use it.
package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/page"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/tenancy"
)

// Config of [New]. All but HTTPS are required.
type Config struct {
	DB     *tenancy.DB // of support.Open
	People []Person
	Hasher *crypto.Hasher
	Book   *page.Book

	HTTPS bool // as in package web
}

// Person is somebody of support with a sign-in. A real desk asks the company's
// identity provider instead; no password of support belongs into the database of
// the customers.
type Person struct {
	accounts.SupportPerson

	Hash string // of the password, bcrypt
}

type desk struct {
	Config

	sessions *sessions
	limiter  accounts.MemoryLimiter
}

// New returns the handler of everything below /desk/.
func New(cfg Config) http.Handler {
	d := &desk{Config: cfg, sessions: newSessions(cfg.HTTPS)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /desk/{$}", d.start)
	mux.HandleFunc("POST /desk/sign-in", d.signIn)
	mux.HandleFunc("POST /desk/sign-out", d.signOut)
	mux.HandleFunc("GET /desk/t/{tenant}/grants/{grant}", d.under(d.appointments))
	mux.HandleFunc("POST /desk/t/{tenant}/grants/{grant}/appointments/{id}/cancel", d.under(d.cancel))
	return mux
}

// visit is a request under a grant.
type visit struct {
	*http.Request

	w     http.ResponseWriter
	who   accounts.SupportPerson
	scope tenancy.Scope
	path  string // of the grant
}

// under lets a request in if its sender was granted access to the tenant that
// the path names, by the grant that the path names, and the grant is live.
func (d *desk) under(handle func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := d.sessions.who(r)
		if !ok {
			d.showStart(w, r, http.StatusUnauthorized, "")
			return
		}
		v := &visit{Request: r, w: w, who: who, path: "/desk/t/" + r.PathValue("tenant") + "/grants/" + r.PathValue("grant")}
		err := d.admit(v)
		if err == nil {
			err = handle(v)
		}
		if err != nil {
			d.fail(w, r, who, err)
		}
	}
}

func (d *desk) admit(v *visit) error {
	tenant, err := tenancy.ParseID(v.PathValue("tenant"))
	if err != nil {
		return tenancy.ErrNotAdmitted
	}
	grant, err := uuid.Parse(v.PathValue("grant"))
	if err != nil {
		return tenancy.ErrNotAdmitted
	}
	v.scope, err = accounts.AdmitSupport(v.Context(), d.DB, tenancy.Actor{
		UserID: v.who.ID, Email: v.who.Email, IP: middleware.ParseAddr(v.RemoteAddr), Kind: tenancy.KindSupport,
	}, tenant, grant)
	return err
}

// fail has one answer for a grant that is over, somebody else's, or none.
func (d *desk) fail(w http.ResponseWriter, r *http.Request, who accounts.SupportPerson, err error) {
	p, unforeseen := service.Explain(err)
	switch {
	case errors.Is(err, tenancy.ErrNotAdmitted):
		p.Text = "There is no live grant for you here. Ask the customer."
	case unforeseen:
		slog.ErrorContext(r.Context(), "a page of the desk failed", "route", r.Pattern, "error", err)
	}
	d.show(w, p.Status, "deskmessage", "Support desk", who, p.Text)
}

func (d *desk) show(w http.ResponseWriter, status int, name, title string, who accounts.SupportPerson, body any) {
	p := &page.Page{Title: title, Customer: "Support desk", Person: who.Email, Role: "support", SignOut: "/desk/sign-out", Body: body}
	if err := d.Book.Show(w, status, name, p); err != nil {
		slog.Error("a page of the desk failed", "error", err)
		http.Error(w, "something went wrong", http.StatusInternalServerError)
	}
}

// list is what support sees of a customer.
type list struct {
	Appointments []store.ListAppointmentsRow
	Path         string
	Done         bool
}

// span is how far support sees, before and after today.
const span = 31 * 24 * time.Hour

func (d *desk) appointments(v *visit) error {
	now := time.Now()
	rows, err := store.New(d.DB.For(v.scope)).ListAppointments(v.Context(), v.scope.Tenant(), now.Add(-span), now.Add(span))
	if err != nil {
		return err
	}
	d.show(v.w, http.StatusOK, "desk", "Appointments", v.who, list{rows, v.path, v.URL.Query().Has("done")})
	return nil
}

// cancel works under a grant for writing. Under one for reading Postgres refuses
// it, whatever is asked here.
func (d *desk) cancel(v *visit) error {
	id, err := uuid.Parse(v.PathValue("id"))
	if err != nil {
		return service.ErrNotFound
	}
	n, err := store.New(d.DB.For(v.scope)).CancelAppointment(v.Context(), v.scope.Tenant(), id)
	if err != nil {
		return err
	}
	if n == 0 {
		return service.ErrNotFound
	}
	http.Redirect(v.w, v.Request, v.path+"?done", http.StatusSeeOther)
	return nil
}

func (d *desk) start(w http.ResponseWriter, r *http.Request) {
	if who, ok := d.sessions.who(r); ok {
		d.show(w, http.StatusOK, "deskmessage", "Support desk", who, "Open the address that the customer gave you.")
		return
	}
	d.showStart(w, r, http.StatusOK, "")
}

// showStart asks for the sign-in, and knows where to go on.
func (d *desk) showStart(w http.ResponseWriter, r *http.Request, status int, problem string) {
	next := r.PostForm.Get("next")
	if next == "" && r.Method == http.MethodGet {
		next = r.URL.Path
	}
	p := &page.Page{Title: "Support desk", Problem: problem, Body: next}
	if err := d.Book.Show(w, status, "desksignin", p); err != nil {
		d.fail(w, r, accounts.SupportPerson{}, err)
	}
}

// check returns whose e-mail address and password these are.
func (d *desk) check(ctx context.Context, r *http.Request, email, password string) (accounts.SupportPerson, error) {
	for kind, key := range map[string]string{"sign_in.ip": middleware.ParseAddr(r.RemoteAddr).String(), "sign_in.account": email} {
		if err := d.limiter.Allow(ctx, kind, key); err != nil {
			return accounts.SupportPerson{}, err
		}
	}
	var found Person // without a hash: as much work as with one
	for _, p := range d.People {
		if p.Email == email {
			found = p
		}
	}
	if err := d.Hasher.Verify(ctx, found.Hash, crypto.SecretString(password)); err != nil {
		if errors.Is(err, crypto.ErrBusy) {
			return accounts.SupportPerson{}, err
		}
		return accounts.SupportPerson{}, accounts.ErrSignIn
	}
	return found.SupportPerson, nil
}
