package desk

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/examples/bookings/service"
)

// sessions are those of support, in memory and for a quarter of an hour. The
// cookie is a random token, of which only the hash is kept.
type sessions struct {
	cookie string
	secure bool

	mu   sync.Mutex
	live map[[sha256.Size]byte]liveSession
}

type liveSession struct {
	who accounts.SupportPerson
	end time.Time
}

const life = 15 * time.Minute

func newSessions(https bool) *sessions {
	s := &sessions{cookie: "desk", secure: https, live: map[[sha256.Size]byte]liveSession{}}
	if https {
		s.cookie = "__Host-desk"
	}
	return s
}

func (s *sessions) who(r *http.Request) (accounts.SupportPerson, bool) {
	found := r.CookiesNamed(s.cookie)
	if len(found) != 1 {
		return accounts.SupportPerson{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.live[sha256.Sum256([]byte(found[0].Value))]
	return session.who, ok && time.Now().Before(session.end)
}

// start begins a session and forgets those that are over.
func (s *sessions) start(w http.ResponseWriter, who accounts.SupportPerson) {
	token, now := rand.Text(), time.Now()
	s.mu.Lock()
	for key, old := range s.live {
		if now.After(old.end) {
			delete(s.live, key)
		}
	}
	s.live[sha256.Sum256([]byte(token))] = liveSession{who, now.Add(life)}
	s.mu.Unlock()
	s.set(w, token, int(life.Seconds()))
}

func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	for _, c := range r.CookiesNamed(s.cookie) {
		s.mu.Lock()
		delete(s.live, sha256.Sum256([]byte(c.Value)))
		s.mu.Unlock()
	}
	s.set(w, "", -1)
}

func (s *sessions) set(w http.ResponseWriter, token string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie, Value: token, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode,
	})
}

func (d *desk) signIn(w http.ResponseWriter, r *http.Request) {
	const maxForm = 64 << 10
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	who, err := d.check(r.Context(), r, strings.TrimSpace(r.PostFormValue("email")), r.PostFormValue("password"))
	if err != nil {
		p, _ := service.Explain(err)
		d.showStart(w, r, p.Status, p.Text)
		return
	}
	d.sessions.start(w, who)
	next := r.PostForm.Get("next")
	if !strings.HasPrefix(next, "/desk/") || strings.Contains(next, "..") {
		next = "/desk/"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (d *desk) signOut(w http.ResponseWriter, r *http.Request) {
	d.sessions.end(w, r)
	http.Redirect(w, r, "/desk/", http.StatusSeeOther)
}
