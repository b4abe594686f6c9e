package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

// sessions are the two cookies of somebody who is signed in: the access token,
// which the browser forgets before it expires, and the handle that gets the next
// one. A browser without a script cannot ask for it, so a request that comes
// with the handle alone is renewed on its way.
type sessions struct {
	entrance        *service.Entrance
	access, renewal string // the cookies' names
	secure          bool

	mu     sync.Mutex
	recent map[[sha256.Size]byte]*renewed
}

// renewed is the answer to a handle. Two tabs that wake up send the same handle
// at the same time, and the second would end the session (session.ErrReused), so
// for some seconds both get the first one's answer. A thief who is as quick gets
// it, too; but then two hold one handle, and its next use ends the session.
type renewed struct {
	ready  chan struct{}
	at     time.Time
	tokens session.Tokens
	err    error
}

// together is how far apart two requests with one handle may come.
const together = 10 * time.Second

// newSessions names the cookies. A name with __Host- binds a cookie to this
// host, to https and to the whole site; a browser takes it by https alone.
func newSessions(e *service.Entrance, https bool) *sessions {
	s := &sessions{entrance: e, access: "session", renewal: "renewal", secure: https, recent: map[[sha256.Size]byte]*renewed{}}
	if https {
		s.access, s.renewal = "__Host-session", "__Host-renewal"
	}
	return s
}

// set gives the browser a pair of tokens. Lax, so that a link in a letter leads
// to the page and not to the sign-in; forms of other sites are refused in front
// (package site). The handle has no Max-Age: it ends with the browser, and in the
// database after an hour of rest.
func (s *sessions) set(w http.ResponseWriter, t session.Tokens) {
	const early = 5 * time.Second // a token must not expire on its way
	life := int((time.Until(t.Expires) - early).Seconds())
	http.SetCookie(w, s.cookie(s.access, string(t.Access.Reveal()), max(life, 1)))
	http.SetCookie(w, s.cookie(s.renewal, string(t.Refresh.Reveal()), 0))
}

func (s *sessions) clear(w http.ResponseWriter) {
	http.SetCookie(w, s.cookie(s.access, "", -1))
	http.SetCookie(w, s.cookie(s.renewal, "", -1))
}

func (s *sessions) cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	}
}

// handle returns the handle that a request came with. Two of one name: somebody
// planted one of them.
func (s *sessions) handle(r *http.Request) (crypto.Secret, bool) {
	if found := r.CookiesNamed(s.renewal); len(found) == 1 && found[0].Value != "" {
		return crypto.SecretString(found[0].Value), true
	}
	return crypto.Secret{}, false
}

// keep renews a session whose token is over before the request goes on, so that
// a form that took long to fill in is not lost.
func (s *sessions) keep(next http.Handler, fail func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handle, ok := s.handle(r)
		if !ok || len(r.CookiesNamed(s.access)) > 0 {
			next.ServeHTTP(w, r)
			return
		}
		tokens, err := s.renew(r.Context(), handle, visitor(r))
		switch {
		case err == nil:
			s.set(w, tokens)
			r = r.Clone(r.Context())
			r.AddCookie(s.cookie(s.access, string(tokens.Access.Reveal()), 0))
		case over(err):
			s.clear(w)
		default:
			fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// over says that a handle is good for nothing any more.
func over(err error) bool {
	return errors.Is(err, session.ErrEnded) || errors.Is(err, session.ErrReused) || errors.Is(err, tenancy.ErrNotAdmitted)
}

func (s *sessions) renew(ctx context.Context, handle crypto.Secret, v service.Visitor) (session.Tokens, error) {
	key := sha256.Sum256(handle.Reveal())
	now := time.Now()
	s.mu.Lock()
	for k, old := range s.recent {
		if now.Sub(old.at) > together {
			delete(s.recent, k)
		}
	}
	answer, mine := s.recent[key], false
	if answer == nil {
		answer, mine = &renewed{ready: make(chan struct{}), at: now}, true
		s.recent[key] = answer
	}
	s.mu.Unlock()
	if mine {
		// Not the request's context: another one may wait for the answer.
		answer.tokens, answer.err = s.entrance.Renew(context.WithoutCancel(ctx), v, handle)
		close(answer.ready)
	}
	select {
	case <-answer.ready:
		return answer.tokens, answer.err
	case <-ctx.Done():
		return session.Tokens{}, ctx.Err()
	}
}

func visitor(r *http.Request) service.Visitor {
	return service.Visitor{IP: middleware.ParseAddr(r.RemoteAddr), UserAgent: r.UserAgent()}
}
