package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

// tokens is what a client gets: the only answer that carries secrets.
type tokens struct {
	Tenant  tenancy.ID `json:"tenant,omitzero"`
	Access  string     `json:"access_token"`
	Expires time.Time  `json:"expires_at"`
	Refresh string     `json:"refresh_token"`
}

// handle is the body of a renewal and of a sign-out.
type handle struct {
	Refresh crypto.Secret `json:"refresh_token"`
}

func visitor(r *http.Request) service.Visitor {
	return service.Visitor{IP: middleware.ParseAddr(r.RemoteAddr), UserAgent: r.UserAgent()}
}

func (a *api) signIn(w http.ResponseWriter, r *http.Request) {
	var c service.Credentials
	if err := read(w, r, &c); err != nil {
		fail(w, r, err)
		return
	}
	tenant, t, err := a.Entrance.SignIn(r.Context(), visitor(r), c)
	if err != nil {
		fail(w, r, err)
		return
	}
	give(w, tenant, t)
}

func (a *api) renew(w http.ResponseWriter, r *http.Request) {
	var h handle
	if err := read(w, r, &h); err != nil {
		fail(w, r, err)
		return
	}
	t, err := a.Entrance.Renew(r.Context(), visitor(r), h.Refresh)
	if err != nil {
		failSession(w, r, err)
		return
	}
	give(w, tenancy.ID{}, t)
}

func (a *api) signOut(w http.ResponseWriter, r *http.Request) {
	var h handle
	if err := read(w, r, &h); err != nil {
		fail(w, r, err)
		return
	}
	if err := a.Entrance.SignOut(r.Context(), visitor(r), h.Refresh); err != nil {
		failSession(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func give(w http.ResponseWriter, t tenancy.ID, s session.Tokens) {
	reply(w, http.StatusOK, tokens{t, string(s.Access.Reveal()), s.Expires, string(s.Refresh.Reveal())})
}

// failSession has one answer to every handle that is good for nothing.
func failSession(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, session.ErrEnded) || errors.Is(err, session.ErrReused) || errors.Is(err, tenancy.ErrNotAdmitted) {
		reply(w, http.StatusUnauthorized, service.Problem{Text: "The session has ended. Sign in again."})
		return
	}
	fail(w, r, err)
}
