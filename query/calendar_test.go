package query_test

import (
	"context"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// calendars is a tenant with a person and a ring to seal for it.
type calendars struct {
	*pgtest.Database
	q      *query.Queries
	ring   *crypto.Ring
	tenant tenancy.ID
	user   uuid.UUID
}

func newCalendars(t *testing.T) *calendars {
	t.Helper()
	c := &calendars{Database: pgtest.New(t)}
	db, err := tenancy.Open(t.Context(), c.AppURL, tenancy.Config{Key: c.Key, Registry: accounts.Registry{}, Version: "v1"})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	sys, err := crosstenant.Open(t.Context(), c.SystemURL, crosstenant.Config{Key: c.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer sys.Close()
	require.NoError(t, sys.Run(t.Context(), tenancy.Actor{Email: "ops@example"}, "test", func(ctx context.Context, x *crosstenant.Conn) (err error) {
		c.tenant, c.user, err = accounts.CreateTenant(ctx, x, "Alpha", accounts.Owner{Email: "anna@alpha.example"})
		return err
	}))
	scope, err := db.Admit(t.Context(), tenancy.Actor{UserID: c.user, Email: "anna@alpha.example"}, c.tenant)
	require.NoError(t, err)
	c.q = query.New(db.For(scope))
	c.ring, err = insecurekeys.NewRing()
	require.NoError(t, err)
	return c
}

func (c *calendars) seal(t *testing.T, id uuid.UUID, column, plaintext string) []byte {
	t.Helper()
	ref := crypto.Ref{Table: "calendar_connection", Column: column, Row: crypto.RowUUID(id)}
	sealed, err := c.ring.Seal(t.Context(), c.tenant, ref, crypto.SecretString(plaintext))
	require.NoError(t, err)
	return sealed
}

// connect stores a Google calendar with sealed tokens.
func (c *calendars) connect(t *testing.T, account string) uuid.UUID {
	t.Helper()
	id, expires := uuid.New(), time.Now().Add(time.Hour)
	require.NoError(t, c.q.AddCalendarConnection(t.Context(), c.tenant, id, c.user, "google", account,
		[]string{"calendar.readonly"}, c.seal(t, id, "access_token", "access"), c.seal(t, id, "refresh_token", "refresh"), nil, &expires))
	return id
}

func requireConstraint(t *testing.T, err error, name string) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, name, pg.ConstraintName, pg.Message)
}

func TestCalendarConnection(t *testing.T) {
	t.Parallel()
	c := newCalendars(t)
	id := c.connect(t, "anna@gmail.example")
	list, err := c.q.CalendarConnectionsOfUser(t.Context(), c.tenant, c.user)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, []string{"calendar.readonly"}, list[0].Scopes)

	cred, err := c.q.CalendarCredential(t.Context(), c.tenant, id)
	require.NoError(t, err)
	s, err := c.ring.Open(t.Context(), c.tenant, crypto.Ref{Table: "calendar_connection", Column: "refresh_token", Row: crypto.RowUUID(id)}, cred.RefreshToken)
	require.NoError(t, err)
	require.Equal(t, "refresh", string(s.Reveal()))

	// Two processes renew at once: the second one has used an old token.
	later := time.Now().Add(2 * time.Hour)
	renew := func(used []byte) int64 {
		n, err := c.q.ReplaceCalendarTokens(t.Context(), c.seal(t, id, "access_token", "access 2"), c.seal(t, id, "refresh_token", "refresh 2"), &later, c.tenant, id, used)
		require.NoError(t, err)
		return n
	}
	require.EqualValues(t, 1, renew(cred.RefreshToken))
	require.EqualValues(t, 0, renew(cred.RefreshToken))

	soon := time.Now().Add(3 * time.Hour)
	due, err := c.q.CalendarTokensToRenew(t.Context(), c.tenant, &soon, 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
}

// TestRevokedConnectionKeepsNoCredential: revoking empties the columns, and the
// table refuses a revoked connection that keeps one.
func TestRevokedConnectionKeepsNoCredential(t *testing.T) {
	t.Parallel()
	c := newCalendars(t)
	id := c.connect(t, "anna@gmail.example")
	n, err := c.q.RevokeCalendarConnection(t.Context(), c.tenant, id)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	var kept int
	require.NoError(t, c.Admin(t).QueryRow(t.Context(), `select num_nonnulls(access_token, refresh_token, caldav_password) from watertight.calendar_connections where id = $1`, id).Scan(&kept))
	require.Zero(t, kept)
	_, err = c.Admin(t).Exec(t.Context(), `update watertight.calendar_connections set access_token = $2 where id = $1`, id, c.seal(t, id, "access_token", "x"))
	requireConstraint(t, err, "revoked_is_empty")
	c.connect(t, "anna@gmail.example") // the same account may be connected again
}

func TestUnsealedCredentialIsRefused(t *testing.T) {
	t.Parallel()
	c := newCalendars(t)
	id := uuid.New()
	token := []byte("ya29.a0AfH6SMBxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	sealed := c.seal(t, id, "refresh_token", "refresh")
	add := func(access, refresh, caldav []byte) error {
		return c.q.AddCalendarConnection(t.Context(), c.tenant, id, c.user, "caldav", "anna", []string{}, access, refresh, caldav, nil)
	}
	requireConstraint(t, add(token, sealed, nil), "access_token_sealed")
	requireConstraint(t, add(nil, token, nil), "refresh_token_sealed")
	requireConstraint(t, add(nil, nil, []byte("hunter2")), "caldav_password_sealed")
	requireConstraint(t, add(nil, nil, nil), "revoked_is_empty")
	requireConstraint(t, add(sealed, nil, sealed), "one_kind_of_credential")
	require.NoError(t, add(nil, nil, sealed))
}

// TestBusyBlockHasNoRoomForMore holds the promise on what is imported, in the
// table and in the Go types: subject, date and time, duration.
func TestBusyBlockHasNoRoomForMore(t *testing.T) {
	t.Parallel()
	c := newCalendars(t)
	rows, err := c.Admin(t).Query(t.Context(), `select attname::text from pg_attribute
		where attrelid = 'watertight.calendar_busy'::regclass and attnum > 0 and not attisdropped order by attnum`)
	require.NoError(t, err)
	var columns []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		columns = append(columns, name)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"tenant_id", "id", "connection_id", "subject", "starts_at", "minutes"}, columns)

	block := reflect.TypeFor[query.BusyBlocksRow]()
	var fields []string
	for i := range block.NumField() {
		fields = append(fields, block.Field(i).Name)
	}
	require.Equal(t, []string{"Subject", "StartsAt", "Minutes"}, fields)
	add := reflect.TypeOf((*query.Queries).AddBusyBlock)
	require.Equal(t, 1+1+5, add.NumIn(), "receiver, context, tenant, connection, subject, start, minutes")

	id := c.connect(t, "anna@gmail.example")
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	require.NoError(t, c.q.AddBusyBlock(t.Context(), c.tenant, id, "Dentist", at, 45))
	blocks, err := c.q.BusyBlocks(t.Context(), c.tenant, id, at.Add(time.Hour), at.Add(30*time.Minute))
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, "Dentist", blocks[0].Subject)
	require.EqualValues(t, 45, blocks[0].Minutes)
	require.True(t, at.Equal(blocks[0].StartsAt))
	n, err := c.q.DeleteBusyBlocks(t.Context(), c.tenant, id, at.Add(-time.Hour), at.Add(time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}
