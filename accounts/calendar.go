package accounts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

var (
	// ErrNoConnection: the tenant has no such calendar connection, or it ended.
	ErrNoConnection = errors.New("there is no such calendar connection (it may have ended: connect again)")

	// ErrNoCalendars: the tenant's plan has no calendar connections, see [SetPlan].
	ErrNoCalendars = errors.New("the tenant's plan has no calendar connections (change the plan first)")
)

// Calendars connects calendars of a tenant's users and ends the connections.
// Credentials are sealed here and opened here; no other code sees them in the
// database. DB and Ring are required.
//
// That a user touches only connections of his own is for the caller to see to:
// what is enforced is the tenant.
type Calendars struct {
	DB   *tenancy.DB
	Ring *crypto.Ring
}

// Tokens are what OAuth gave: an access token, and mostly a refresh token.
type Tokens struct {
	Access, Refresh crypto.Secret
	Expires         time.Time // of the access token; zero if unknown
}

// A Connection is a calendar to be connected: by Tokens, or by a Password of
// CalDAV, not both.
type Connection struct {
	User     uuid.UUID
	Provider string // google, microsoft, apple or caldav
	Account  string // as the provider names it, such as an address
	Scopes   []string
	Tokens   Tokens
	Password crypto.Secret
}

// Connect keeps a connection and returns its id. It returns [ErrNoCalendars]
// when the plan has none.
func (c Calendars) Connect(ctx context.Context, s tenancy.Scope, n Connection) (uuid.UUID, error) {
	id := uuid.New()
	access, err := c.seal(ctx, s, id, "access_token", n.Tokens.Access)
	if err != nil {
		return uuid.Nil, err
	}
	refresh, err := c.seal(ctx, s, id, "refresh_token", n.Tokens.Refresh)
	if err != nil {
		return uuid.Nil, err
	}
	password, err := c.seal(ctx, s, id, "caldav_password", n.Password)
	if err != nil {
		return uuid.Nil, err
	}
	scopes := n.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	err = query.New(c.DB.For(s)).AddCalendarConnection(ctx, s.Tenant(), id, n.User, n.Provider, n.Account, scopes,
		access, refresh, password, expiry(n.Tokens.Expires))
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.ConstraintName == "plan_allows_calendars" {
		return uuid.Nil, ErrNoCalendars
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("connect a calendar: %w", err)
	}
	return id, nil
}

// Disconnect ends a connection: its credentials leave it at once, and the
// provider is told by [Revocations].
func (c Calendars) Disconnect(ctx context.Context, s tenancy.Scope, id uuid.UUID) error {
	n, err := query.New(c.DB.For(s)).RevokeCalendarConnection(ctx, s.Tenant(), id)
	if err != nil {
		return fmt.Errorf("disconnect a calendar: %w", err)
	}
	if n == 0 {
		return ErrNoConnection
	}
	return nil
}

// A Credential opens the calendar at its provider.
type Credential struct {
	Provider, Account string
	Tokens            Tokens
	Password          crypto.Secret
}

// Credential opens what a live connection holds, to fetch its events with.
func (c Calendars) Credential(ctx context.Context, s tenancy.Scope, id uuid.UUID) (Credential, error) {
	out, _, err := c.credential(ctx, s, id)
	return out, err
}

func (c Calendars) credential(ctx context.Context, s tenancy.Scope, id uuid.UUID) (out Credential, sealed []byte, err error) {
	row, err := query.New(c.DB.For(s)).CalendarCredential(ctx, s.Tenant(), id)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil, ErrNoConnection
	}
	if err != nil {
		return out, nil, fmt.Errorf("read a calendar connection: %w", err)
	}
	out.Provider, out.Account = row.Provider, row.Account
	if row.AccessExpiresAt != nil {
		out.Tokens.Expires = *row.AccessExpiresAt
	}
	for _, v := range []struct {
		column string
		sealed []byte
		into   *crypto.Secret
	}{
		{"access_token", row.AccessToken, &out.Tokens.Access},
		{"refresh_token", row.RefreshToken, &out.Tokens.Refresh},
		{"caldav_password", row.CaldavPassword, &out.Password},
	} {
		if v.sealed == nil {
			continue
		}
		if *v.into, err = c.Ring.Open(ctx, s.Tenant(), calendarRef(id, v.column), v.sealed); err != nil {
			return Credential{}, nil, fmt.Errorf("open a calendar credential: %w", err)
		}
	}
	return out, row.RefreshToken, nil
}

// Refresh gets new tokens by the refresh token and keeps them. A token that
// another process has renewed meanwhile is not overwritten: then the newer one
// stays, and Refresh returns nil. A connection that ended meanwhile is
// [ErrNoConnection], and the tokens are dropped.
func (c Calendars) Refresh(ctx context.Context, s tenancy.Scope, id uuid.UUID, renew func(ctx context.Context, refresh crypto.Secret) (Tokens, error)) error {
	old, used, err := c.credential(ctx, s, id)
	if err != nil {
		return err
	}
	if used == nil {
		return errors.New("the calendar connection has no refresh token (connect again)")
	}
	got, err := renew(ctx, old.Tokens.Refresh)
	if err != nil {
		return fmt.Errorf("renew calendar tokens: %w", err)
	}
	if got.Refresh.IsZero() {
		got.Refresh = old.Tokens.Refresh // many providers keep it
	}
	access, err := c.seal(ctx, s, id, "access_token", got.Access)
	if err != nil {
		return err
	}
	refresh, err := c.seal(ctx, s, id, "refresh_token", got.Refresh)
	if err != nil {
		return err
	}
	n, err := query.New(c.DB.For(s)).ReplaceCalendarTokens(ctx, access, refresh, expiry(got.Expires), s.Tenant(), id, used)
	if err != nil {
		return fmt.Errorf("keep renewed calendar tokens: %w", err)
	}
	if n == 0 {
		_, _, err = c.credential(ctx, s, id)
	}
	return err
}

// Busy is all that is kept of an event in a connected calendar: there is no
// field for who takes part, where, or what was written about it.
type Busy struct {
	Subject  string
	Start    time.Time
	Duration time.Duration // whole minutes, rounded up; at least one
}

// Import replaces what is known of a connection between two times.
func (c Calendars) Import(ctx context.Context, s tenancy.Scope, id uuid.UUID, from, to time.Time, events []Busy) error {
	return c.DB.Tx(ctx, s, func(ctx context.Context, conn *tenancy.Conn) error {
		q := query.New(conn)
		if _, err := q.DeleteBusyBlocks(ctx, s.Tenant(), id, from, to); err != nil {
			return fmt.Errorf("replace imported events: %w", err)
		}
		for _, e := range events {
			minutes := int32(max(1, math.Ceil(e.Duration.Minutes())))
			if err := q.AddBusyBlock(ctx, s.Tenant(), id, e.Subject, e.Start, minutes); err != nil {
				return fmt.Errorf("keep an imported event: %w", err)
			}
		}
		return nil
	})
}

// seal seals a value for its place, and nothing as nothing.
func (c Calendars) seal(ctx context.Context, s tenancy.Scope, id uuid.UUID, column string, v crypto.Secret) ([]byte, error) {
	if v.IsZero() {
		return nil, nil
	}
	sealed, err := c.Ring.Seal(ctx, s.Tenant(), calendarRef(id, column), v)
	if err != nil {
		return nil, fmt.Errorf("seal a calendar credential: %w", err)
	}
	return sealed, nil
}

// calendarRef is what the migrations register by watertight.seal_column. A
// token keeps it in the outbox of revocations.
func calendarRef(id uuid.UUID, column string) crypto.Ref {
	return crypto.Ref{Table: "calendar_connection", Column: column, Row: crypto.RowUUID(id)}
}

func expiry(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
