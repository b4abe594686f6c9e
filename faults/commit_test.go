package faults

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// atNext breaks the connection at the next thing that the client says: before
// the server hears it, or after.
func atNext(heard bool) weather {
	return func(toServer bool) carrier {
		return func(chunk []byte) ([][]byte, error) {
			switch {
			case !toServer && heard:
				return nil, errCut // the answer
			case toServer && !heard:
				return nil, errCut
			}
			return [][]byte{chunk}, nil
		}
	}
}

// The connection breaks at the commit. Whether it arrived cannot be known, so
// it is not run again; before the commit it can be, and is.
func TestCommitWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for name, heard := range map[string]bool{"the commit is lost": false, "its answer is lost": true} {
		t.Run(name, func(t *testing.T) {
			c, p := behind(t)
			scope := c.scopes[0]
			// The commit is prepared on the connection by now.
			require.NoError(t, c.db.Tx(t.Context(), scope, func(ctx context.Context, conn *tenancy.Conn) error {
				_, err := c.look(ctx, conn)
				return err
			}))
			id, attempts := c.try(scope.Tenant()), 0
			err := c.db.RetryTx(t.Context(), scope, tenancy.Retry{}, func(ctx context.Context, conn *tenancy.Conn) error {
				attempts++
				err := c.add(ctx, conn, id)
				p.set(atNext(heard))
				return err
			})
			require.ErrorIs(t, err, tenancy.ErrCommitUnknown)
			require.ErrorIs(t, err, tenancy.ErrUnavailable, "and why")
			require.False(t, pgconn.SafeToRetry(err))
			require.Equal(t, 1, attempts)
			p.set(nil)
			c.idle(t)
			_, there := c.written(t)[id]
			require.Equal(t, heard, there)
		})
	}
}

func TestConnectionCutBeforeTheCommit(t *testing.T) {
	t.Parallel()
	c, p := behind(t)
	scope := c.scopes[0]
	id, attempts := c.try(scope.Tenant()), 0
	require.NoError(t, c.db.RetryTx(t.Context(), scope, tenancy.Retry{}, func(ctx context.Context, conn *tenancy.Conn) error {
		if err := c.add(ctx, conn, id); err != nil {
			return err
		}
		if attempts++; attempts < 3 {
			p.cut()
		}
		_, err := c.look(ctx, conn)
		return err
	}))
	require.Equal(t, 3, attempts)
	c.idle(t)
	require.Len(t, c.written(t), 1)
}

// A statement of its own is sent and committed at once. If its answer is
// missing, nothing says that it may be sent again.
func TestStatementWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	c, p := behind(t)
	conn := c.db.For(c.scopes[0])
	require.NoError(t, c.add(t.Context(), conn, c.try(conn.Tenant())), "the statement is prepared by now")
	p.set(atNext(true))
	id := c.try(conn.Tenant())
	err := c.add(t.Context(), conn, id)
	require.ErrorIs(t, err, tenancy.ErrUnavailable)
	require.False(t, pgconn.SafeToRetry(err))
	p.down(true)
	p.cut()
	err = c.add(t.Context(), conn, c.try(conn.Tenant()))
	require.ErrorIs(t, err, tenancy.ErrUnavailable)
	require.True(t, pgconn.SafeToRetry(err), "there was no connection")
	p.down(false)
	p.set(nil)
	c.idle(t)
	require.Contains(t, c.written(t), id)
}
