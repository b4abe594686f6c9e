package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/page"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

// signInAddress leads to the sign-in and from there back to the page.
func signInAddress(r *http.Request) string {
	return "/sign-in?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

// home leads whoever is signed in to his customer's pages.
func (s *web) home(w http.ResponseWriter, r *http.Request) {
	to := "/sign-in"
	if found := r.CookiesNamed(s.sessions.access); len(found) == 1 {
		if id, err := s.Entrance.Verifier.Identify(r.Context(), found[0].Value); err == nil {
			to = "/t/" + id.Tenant.String() + "/appointments"
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// signInForm is what the page keeps between two attempts.
type signInForm struct{ Next, Tenant string }

func (s *web) signInPage(w http.ResponseWriter, r *http.Request) {
	s.showSignIn(w, r, http.StatusOK, "")
}

func (s *web) showSignIn(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := &page.Page{
		Title: "Sign in", Problem: problem, Form: url.Values{"email": r.PostForm["email"]},
		Body: signInForm{Next: r.FormValue("next"), Tenant: r.FormValue("tenant")},
	}
	if err := s.Book.Show(w, status, "signin", p); err != nil {
		s.fail(w, r, err)
	}
}

func (s *web) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.message(w, http.StatusRequestEntityTooLarge, "Too much", "The form is too long.")
		return
	}
	c := service.Credentials{Email: strings.TrimSpace(r.PostForm.Get("email")), Password: crypto.SecretString(r.PostForm.Get("password"))}
	// An address with several accounts names the customer; another one need not.
	if asked, err := tenancy.ParseID(r.PostForm.Get("tenant")); err == nil {
		c.Tenant = asked
	}
	tenant, tokens, err := s.Entrance.SignIn(r.Context(), visitor(r), c)
	if err != nil {
		p, unforeseen := service.Explain(err)
		if unforeseen {
			slog.ErrorContext(r.Context(), "a sign-in failed", "error", err)
		}
		s.showSignIn(w, r, p.Status, p.Text)
		return
	}
	s.sessions.set(w, tokens)
	http.Redirect(w, r, after(r.PostForm.Get("next"), tenant), http.StatusSeeOther)
}

// after is where a sign-in leads: to a page of the tenant that was signed in to,
// and to no other address that somebody put into a link.
func after(next string, t tenancy.ID) string {
	home := "/t/" + t.String()
	if rest, ok := strings.CutPrefix(next, home+"/"); ok && !strings.Contains(rest, "..") {
		return next
	}
	return home + "/appointments"
}

// signOut ends the session here and in the database. It cannot fail for whoever
// wants to leave: the cookies go in any case.
func (s *web) signOut(w http.ResponseWriter, r *http.Request) {
	if handle, ok := s.sessions.handle(r); ok {
		if err := s.Entrance.SignOut(r.Context(), visitor(r), handle); err != nil && !over(err) {
			slog.ErrorContext(r.Context(), "a sign-out failed", "error", err)
		}
	}
	s.sessions.clear(w)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
