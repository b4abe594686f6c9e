package tenancy_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// pieces are more rows than one round trip carries.
const pieces = 21_000

var copied = []string{"tenant_id", "id"}

// many are that many rows for the tenant, of which one may be another.
func many(t tenancy.ID, at int, other func() ([]any, error)) pgx.CopyFromSource {
	return pgx.CopyFromSlice(pieces, func(i int) ([]any, error) {
		if i == at {
			return other()
		}
		return []any{t, int64(i)}, nil
	})
}

func newCopied(t *testing.T) *world {
	w := newWorld(t)
	w.Exec(t, `create table app.copied (tenant_id uuid not null, id bigint not null check (id >= 0), primary key (tenant_id, id));
		do $$ declare s text; begin
			for s in select watertight.protect_ddl_isolation('app.copied') loop execute s; end loop; -- no audit log
		end $$`)
	return w
}

func (w *world) copiedRows(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, w.admin.QueryRow(t.Context(), "select count(*) from app.copied").Scan(&n))
	return n
}

func TestCopyFromInPieces(t *testing.T) {
	t.Parallel()
	w := newCopied(t)
	p := newProxy(t, w.AppURL)
	db, err := tenancy.Open(t.Context(), withParam(p.url, "sslmode=disable"), w.config())
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w.db = db
	c := w.asA(t)
	_, err = c.CopyFrom(t.Context(), pgx.Identifier{"app", "copied"}, copied, pgx.CopyFromRows([][]any{{w.a, int64(pieces)}}))
	require.NoError(t, err, "this one asks for the types and prepares")
	_, err = w.admin.Exec(t.Context(), "delete from app.copied")
	require.NoError(t, err)

	before := p.trips.Load()
	n, err := c.CopyFrom(t.Context(), pgx.Identifier{"app", "copied"}, copied, many(w.a, -1, nil))
	require.NoError(t, err)
	require.EqualValues(t, pieces, n)
	require.Equal(t, pieces, w.copiedRows(t))
	// Three pieces, BEGIN prepared, COMMIT prepared and sent. The server may begin
	// to answer a long piece before all of it was read.
	require.LessOrEqual(t, p.trips.Load()-before, int64(9))
}

// Whatever goes wrong in a later piece, none of the earlier ones stays.
func TestCopyFromInPiecesIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newCopied(t)
	table := pgx.Identifier{"app", "copied"}
	broken := errors.New("the file ends here")
	for name, bad := range map[string]struct {
		row  func() ([]any, error)
		want error
	}{
		"another tenant's":     {func() ([]any, error) { return []any{w.b, int64(1)}, nil }, tenancy.ErrTenantMismatch},
		"an error of its own":  {func() ([]any, error) { return nil, broken }, broken},
		"refused by Postgres":  {func() ([]any, error) { return []any{w.a, int64(-1)}, nil }, nil},
		"not an argument":      {func() ([]any, error) { return []any{w.a, struct{}{}}, nil }, nil},
		"with a value missing": {func() ([]any, error) { return []any{w.a}, nil }, nil},
	} {
		failed := func(c *tenancy.Conn) {
			t.Helper()
			n, err := c.CopyFrom(t.Context(), table, copied, many(w.a, 15_000, bad.row))
			require.Error(t, err, name)
			require.Zero(t, n)
			if bad.want != nil {
				require.ErrorIs(t, err, bad.want, name)
			}
		}
		failed(w.asA(t))
		require.Zero(t, w.copiedRows(t), name)

		// Also where the error is not looked at.
		err := w.db.Tx(t.Context(), w.admit(t, w.anna, w.a), func(_ context.Context, c *tenancy.Conn) error {
			failed(c)
			return nil
		})
		require.ErrorIs(t, err, tenancy.ErrRolledBack, name)
		require.Zero(t, w.copiedRows(t), name)
	}

	err := w.db.Tx(t.Context(), w.admit(t, w.anna, w.a), func(ctx context.Context, c *tenancy.Conn) error {
		err := c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
			_, err := c.CopyFrom(ctx, table, copied, many(w.a, pieces-1, func() ([]any, error) { return nil, broken }))
			return err
		})
		require.ErrorIs(t, err, broken)
		_, err = c.CopyFrom(ctx, table, copied, many(w.a, -1, nil))
		return err
	})
	require.NoError(t, err, "a savepoint undoes the pieces alone")
	require.Equal(t, pieces, w.copiedRows(t))
}
