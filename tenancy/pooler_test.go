package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// startPooler puts PgBouncer in transaction mode, with two server connections,
// in front of the database and returns the application's URL through it.
func startPooler(t *testing.T, dsn string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("pgbouncer is not installed (apt-get install pgbouncer)")
		}
		t.Skip("NOT TESTED behind a transaction pooler: pgbouncer is not installed (apt-get install pgbouncer)")
	}
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	folder, err := os.MkdirTemp("", "wt-pooler")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().(*net.TCPAddr)
	require.NoError(t, free.Close())

	if config.Password == "" {
		config.Password = "pooler" // PgBouncer wants one; a server that trusts us does not look
	}
	users := filepath.Join(folder, "users")
	require.NoError(t, os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", config.User, config.Password), 0o600))
	ini := filepath.Join(folder, "pooler.ini")
	require.NoError(t, os.WriteFile(ini, fmt.Appendf(nil, `[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = 2
max_client_conn = 50
ignore_startup_parameters = extra_float_digits
`, config.Host, config.Port, address.Port, users), 0o600))

	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-q", ini)
	cmd.SysProcAttr = unprivileged(t, folder)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = cmd.Process.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.DialTimeout("tcp", address.String(), time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond)
	through := strings.Replace(withHost(t, dsn, address.String()), config.User+"@", config.User+":"+config.Password+"@", 1)
	return withParam(through, "sslmode=disable")
}

// unprivileged makes root run the pooler as somebody else, which it insists on.
func unprivileged(t *testing.T, folder string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres") // as the server is run, whose socket it opens
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	require.NoError(t, err)
	uid, err := strconv.Atoi(u.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(u.Gid)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	for _, f := range append(files, folder) {
		require.NoError(t, os.Chown(f, uid, gid))
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}} //nolint:gosec // ids fit
}

func TestBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := startPooler(t, w.AppURL)

	cfg := w.config()
	_, err := tenancy.Open(t.Context(), url, cfg)
	require.Error(t, err, "bound to the session, it cannot work there and says so")

	cfg.Binding, cfg.MaxConns = tenancy.BindNone, 8
	w.db, err = tenancy.Open(t.Context(), url, cfg)
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	a, b := w.admit(t, w.anna, w.a), w.admit(t, w.bob, w.b)
	see := func(ctx context.Context, c *tenancy.Conn, want tenancy.ID) error {
		rows, err := c.Query(ctx, "select tenant_id from app.notes")
		if err != nil {
			return err
		}
		seen, err := pgx.CollectRows(rows, pgx.RowTo[tenancy.ID])
		assert.Equal(t, []tenancy.ID{want, want, want}, seen)
		return err
	}
	var both sync.WaitGroup
	for _, c := range []struct {
		s  tenancy.Scope
		id tenancy.ID
	}{{a, w.a}, {b, w.b}, {a, w.a}, {b, w.b}} {
		both.Go(func() {
			for i := range 50 {
				if i%2 == 0 {
					assert.NoError(t, see(t.Context(), w.db.For(c.s), c.id))
					continue
				}
				assert.NoError(t, w.db.Tx(t.Context(), c.s, func(ctx context.Context, conn *tenancy.Conn) error {
					return errors.Join(see(ctx, conn, c.id), see(ctx, conn, c.id))
				}))
			}
		})
	}
	both.Wait()
}
