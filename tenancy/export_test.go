package tenancy

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Token mints a token as the DB would, with the parts an attacker would choose.
func (db *DB) Token(s Scope, mode byte, bound string, now time.Time) string {
	return string(db.signer.token(&s, "test", mode, bound, now))
}

// CheckArgs and CheckStatement are the checks in front of every statement.
var (
	CheckArgs      = checkArgs
	CheckStatement = checkStatement
	ActionOf       = actionOf
	SearchPath     = searchPath
	SplitPath      = splitPath
)

// Primary is the pool, for tests that look at its connections.
func (db *DB) Primary() *pgxpool.Pool { return db.primary }

// Permit asks whether the handle's role may run a text.
func Permit(c *Conn, ctx context.Context, sql string) error { return c.permit(ctx, sql) }

// Pause draws the pause after an attempt.
func Pause(r Retry, attempt int) time.Duration { return r.pause(attempt) }

// Reused reports whether a token that was made at a time is sent again at another.
func (db *DB) Reused(s Scope, made, now time.Time) bool {
	l := lastToken{text: []byte("w1"), tenant: s.tenant, reach: s.reach, claims: s.claims, action: "test", made: made.Round(0)}
	return l.good(&s, "test", now)
}
