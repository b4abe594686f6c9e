package tenancy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tokenLife is how long a token is good for, and tokenReuse for how long it is
// sent again. The rest has to cover the way to the server, a wait for a lock on
// it, and clocks that differ.
const (
	tokenLife  = 60 * time.Second
	tokenReuse = 10 * time.Second
)

// maxAction bounds the name in a token.
const maxAction = 63

// signer makes tokens. The format is in the package documentation; the
// function watertight.context() in the schema is its other half.
type signer struct {
	kid  string
	macs sync.Pool // of *mac
}

func newSigner(key ContextKey) *signer {
	secret := key.Secret()
	s := &signer{kid: key.id}
	s.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, secret[:])} }
	return s
}

// token binds the scope to what bound says: the backend's pid, the pid and the
// transaction's start, or nothing. bound itself is not in the token.
func (s *signer) token(scope *Scope, action string, mode byte, bound string, now time.Time) []byte {
	b := make([]byte, 0, 192+len(scope.claims))
	b = append(b, "w1."...)
	b = append(b, s.kid...)
	b = append(b, '.')
	switch scope.reach {
	case reachTenant:
		b = scope.tenant.appendTo(b)
	case reachList:
		b = append(b, "list"...)
	case reachAll:
		b = append(b, "all"...)
	}
	b = append(b, '.')
	b = strconv.AppendInt(b, now.Add(tokenLife).Unix(), 10)
	b = append(b, '.', mode, '.')
	b = appendAction(b, action)
	b = append(b, '.')
	b = append(b, scope.claims...)
	signed := len(b)
	b = append(b, '|')
	b = append(b, bound...)

	m := s.macs.Get().(*mac)
	m.hash.Reset()
	m.hash.Write(b)
	b = append(b[:signed], '.')
	b = hex.AppendEncode(b, m.hash.Sum(m.sum[:0]))
	s.macs.Put(m)
	return b
}

// mac is a keyed hash and room for its sum.
type mac struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

// lastToken is one that may be sent again: in the session that it is bound to,
// for the same scope and action.
type lastToken struct {
	text           []byte
	tenant         ID
	reach          reach
	claims, action string
	made           time.Time
}

func (l *lastToken) good(scope *Scope, action string, now time.Time) bool {
	age := now.Sub(l.made)
	return l.text != nil && l.tenant == scope.tenant && l.reach == scope.reach && l.claims == scope.claims && l.action == action &&
		age >= 0 && age < tokenReuse
}

// appendAction writes the action with every character outside the token's
// alphabet replaced, so that a name can never end its field.
func appendAction(b []byte, action string) []byte {
	for i := 0; i < len(action) && i < maxAction; i++ {
		c := action[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == ':' || c == '/' {
			b = append(b, c)
		} else {
			b = append(b, '_')
		}
	}
	return b
}

type actionKey struct{}

// WithAction names what the statements under ctx do, for the audit log, in
// place of the name of the generated query. At most 63 characters of A-Z, a-z,
// 0-9, _, -, : and / are kept.
func WithAction(ctx context.Context, action string) context.Context {
	return context.WithValue(ctx, actionKey{}, action)
}

// actionOf is the name given by WithAction, or that of the sqlc query, whose
// text begins with "-- name: GetBooking :one".
func actionOf(ctx context.Context, sql string) string {
	if a, ok := ctx.Value(actionKey{}).(string); ok {
		return a
	}
	rest, ok := strings.CutPrefix(sql, "-- name: ")
	if !ok {
		return "sql"
	}
	name, _, _ := strings.Cut(rest, " ")
	return name
}
