package main

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/watertight-go/watertight/tenancy"
)

// people knows who is signed in. A real service gets the verified identity from
// its session or its identity provider; here a sign-in is a random token in
// memory, kept as a hash.
type people struct {
	mu     sync.RWMutex
	actors map[[sha256.Size]byte]tenancy.Actor
}

func newPeople() *people { return &people{actors: map[[sha256.Size]byte]tenancy.Actor{}} }

// signIn returns the token of a new session.
func (p *people) signIn(a tenancy.Actor) string {
	token := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.actors[sha256.Sum256([]byte(token))] = a
	return token
}

// of returns who sent the request. It says who, and nothing about any tenant.
func (p *people) of(r *http.Request) (tenancy.Actor, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return tenancy.Actor{}, false
	}
	p.mu.RLock()
	actor, ok := p.actors[sha256.Sum256([]byte(token))]
	p.mu.RUnlock()
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		actor.IP = peer.Addr()
	}
	return actor, ok
}
