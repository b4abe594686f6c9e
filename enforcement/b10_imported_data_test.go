package enforcement

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/query"
)

// B10: from a connected calendar only subject, date, time and duration are
// imported.
func TestB10OnlySubjectDateTimeAndDurationAreImported(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	q := query.New(o.asAnna(t))
	ring, err := insecurekeys.NewRing()
	require.NoError(t, err)
	calendar := uuid.New()
	sealed, err := ring.Seal(ctx, o.alpha, crypto.Ref{Table: "calendar_connection", Column: "caldav_password", Row: crypto.RowUUID(calendar)}, crypto.SecretString("x"))
	require.NoError(t, err)
	require.NoError(t, q.AddCalendarConnection(ctx, o.alpha, calendar, o.anna.UserID, "caldav", "anna", []string{}, nil, nil, sealed, nil))

	// The table has these columns and no other, not one of a type that could
	// hold a whole event.
	rows, err := o.Admin(t).Query(ctx, `select attname || ' ' || format_type(atttypid, atttypmod) from pg_attribute
		where attrelid = 'watertight.calendar_busy'::regclass and attnum > 0 and not attisdropped order by attnum`)
	require.NoError(t, err)
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{
		"tenant_id uuid", "id bigint", "connection_id uuid", // whose it is
		"subject text", "starts_at timestamp with time zone", "minutes integer",
	}, columns)

	// Whoever tries to keep more is told that there is no place for it.
	for _, more := range []string{"location", "attendees", "description", "organizer", "raw"} {
		_, err = o.asAnna(t).Exec(ctx, "insert into watertight.calendar_busy (tenant_id, connection_id, subject, starts_at, minutes, "+more+") values ($1, $2, 'Dentist', now(), 30, 'x')", o.alpha, calendar)
		require.ErrorContains(t, err, "does not exist")
	}

	// What is read back has these fields and no other.
	var fields []string
	for i := range reflect.TypeFor[query.BusyBlocksRow]().NumField() {
		fields = append(fields, reflect.TypeFor[query.BusyBlocksRow]().Field(i).Name)
	}
	require.Equal(t, []string{"Subject", "StartsAt", "Minutes"}, fields)

	// The control: a block with these four is kept and found.
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	require.NoError(t, q.AddBusyBlock(ctx, o.alpha, calendar, "Dentist", at, 30))
	blocks, err := q.BusyBlocks(ctx, o.alpha, calendar, at.Add(time.Hour), at)
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, "Dentist", blocks[0].Subject)
}
