package enforcement

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// C9: only parts of the application reach customer data. The network is the
// operator's; what is the library's is that a login which is no part of the
// application has no right to anything, even where it gets through to the
// database.
func TestC09AStrangersLoginReachesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, url := o.Login(t) // a role of the same server, and no more
	stranger, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = stranger.Close(context.Background()) })

	for _, attempt := range []string{
		"select * from app.documents",
		"select * from watertight.users",
		"select * from watertight.tenants",
		"select * from watertight.audit_event",
		"select * from watertight.context_key",
		"select watertight.enter('w1')",
		"select watertight.tenant()",
		"insert into app.documents (tenant_id, id, title) values (gen_random_uuid(), 2, 'x')",
		"create temporary table notes (t text)",
		"create table public.notes (t text)",
		"create schema mine",
	} {
		_, err := stranger.Exec(t.Context(), attempt)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, attempt)
		require.Equal(t, "42501", refused.Code, attempt)
	}

	// The control: the application, for somebody who was admitted, reads the row
	// that is there.
	var title string
	require.NoError(t, o.asAnna(t).QueryRow(t.Context(), "select title from app.documents where tenant_id = $1 and id = 1", o.alpha).Scan(&title))
	require.Equal(t, "Alpha's secret", title)
}
