package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const notes = `
create schema app;
create table app.notes (tenant_id uuid not null, id uuid not null default gen_random_uuid(), body text, primary key (tenant_id, id));
select watertight.protect('app.notes');`

func newDatabase(t *testing.T) *pgtest.Database {
	return pgtest.New(t, pgtest.Config{Setup: []string{notes}})
}

// look examines a database and requires that no finding tells a secret.
func look(t *testing.T, cfg Database) []Finding {
	t.Helper()
	list := CheckDatabase(t.Context(), cfg)
	for _, f := range list {
		require.NotEmpty(t, f.Message)
		require.NotEmpty(t, f.Why)
		require.NotEmpty(t, f.Fix, f.Message)
		text := fmt.Sprintf("%+v", f)
		require.NotContains(t, text, cfg.URL)
		if u, err := url.Parse(cfg.URL); err == nil {
			if p, ok := u.User.Password(); ok {
				require.NotContains(t, text, p)
			}
		}
		if _, secret, ok := strings.Cut(strings.TrimPrefix(cfg.ContextKey, "wtk_"), "_"); ok {
			require.NotContains(t, text, secret)
		}
	}
	return list
}

// rules are the IDs of findings, each once.
func rules(list []Finding) []string {
	ids := []string{}
	for _, f := range list {
		if len(ids) == 0 || ids[len(ids)-1] != f.Rule {
			ids = append(ids, f.Rule)
		}
	}
	return ids
}

func TestSoundDatabase(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	require.Empty(t, look(t, Database{URL: d.AppURL, ContextKey: d.Key.Encode()}))

	// A role that cannot write sees the same: nothing here does.
	name, address := d.Login(t, "in role watertight_app")
	_, err := d.Admin(t).Exec(t.Context(), "alter role "+pgx.Identifier{name}.Sanitize()+" set default_transaction_read_only = on")
	require.NoError(t, err)
	require.Empty(t, look(t, Database{URL: address, ContextKey: d.Key.Encode()}))
}

// Each is broken on purpose, in a database of its own.
func TestBrokenDatabase(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		setup string // as the administrator; ROLE is the application's login
		want  Rule
		says  string
	}{
		{"bypassrls", "alter role ROLE bypassrls", unsafeRole, "has BYPASSRLS"},
		{"createrole", "alter role ROLE createrole", unsafeRole, "may create roles"},
		{"owner", "grant watertight_owner to ROLE", unsafeRole, "owns or migrates"},
		{"another duty", "grant watertight_system to ROLE", unsafeRole, "works across tenants"},
		{"truncate", "grant truncate on app.notes to watertight_app", unsafeSchema, "TRUNCATE"},
		{"a view of everything", "create view app.everything as select * from app.notes; alter view app.everything owner to watertight_migrator; grant select on app.everything to watertight_app", catalogue, "WTI"},
		{"a migration is missing", "delete from watertight.migration where version_id = 52", behind, "1 migrations are missing, from 00052_"},
		{"before it could tell", "drop function watertight.applied_migrations()", behind, "older than this program"},
		{"a newer database", "insert into watertight.migration (version_id, is_applied) values (99999, true)", ahead, "does not know"},
		{"a managed service", "insert into watertight.limitation values ('event-trigger', 'run x as a superuser', 'new tables are open')", limited, "new tables are open"},
		{"search_path", "create schema mine; grant usage, create on schema mine to ROLE; alter role ROLE set search_path = mine", catalogue, "may CREATE in the schema mine"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t)
			role, address := d.Login(t, "in role watertight_app")
			cfg := Database{URL: address, ContextKey: d.Key.Encode()}
			require.Empty(t, look(t, cfg), "before it is broken")
			for statement := range strings.SplitSeq(strings.ReplaceAll(c.setup, "ROLE", pgx.Identifier{role}.Sanitize()), "; ") {
				_, err := d.Admin(t).Exec(t.Context(), statement)
				require.NoError(t, err)
			}
			list := look(t, cfg)
			require.Equal(t, []string{c.want.ID}, rules(list), "%+v", list)
			require.Contains(t, list[0].Message, c.says)
		})
	}
}

func TestSuperuserAndEmptyDatabase(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	list := look(t, Database{URL: d.AdminURL, ContextKey: d.Key.Encode()})
	require.Equal(t, []string{unsafeRole.ID}, rules(list))

	empty := pgtest.New(t, pgtest.Config{Empty: true})
	_, address := empty.Login(t, "in role watertight_app") // roles belong to the whole server
	list = look(t, Database{URL: address, ContextKey: d.Key.Encode()})
	require.Equal(t, []string{unsafeSchema.ID}, rules(list))
	require.Contains(t, list[0].Message, "not installed")
}

func TestContextKeys(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	other, err := tenancy.NewContextKey()
	require.NoError(t, err)
	for key, want := range map[string][]string{
		d.Key.Encode(): {}, "": {noKey.ID}, "wtk_nonsense": {noKey.ID}, other.Encode(): {unknownKey.ID},
	} {
		require.Equal(t, want, rules(look(t, Database{URL: d.AppURL, ContextKey: key})))
	}
}

func TestClocks(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for off, want := range map[time.Duration]string{0: "", 20 * time.Second: Warning, -time.Minute: Error, time.Hour: Error} {
		list := look(t, Database{URL: d.AppURL, ContextKey: d.Key.Encode(), Now: func() time.Time { return time.Now().Add(off) }})
		if want == "" {
			require.Empty(t, list)
			continue
		}
		require.Equal(t, []string{clockOff.ID}, rules(list))
		require.Equal(t, want, list[0].Severity)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	key := d.Key.Encode()
	missing, err := url.Parse(d.AppURL)
	require.NoError(t, err)
	missing.Path = "/no_such_database"
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := closed.Addr().String()
	require.NoError(t, closed.Close())
	// 192.0.2.0/24 is for documentation: nobody is there.
	for where, want := range map[string][]string{
		"postgres://app:hunter22@192.0.2.1/db?connect_timeout=1&sslmode=disable":     {plaintext.ID, unreachable.ID},
		"postgres://app:hunter22@192.0.2.1/db?connect_timeout=1":                     {plaintext.ID, unreachable.ID},
		"postgres://app:hunter22@192.0.2.1/db?connect_timeout=1&sslmode=require":     {unverified.ID, unreachable.ID},
		"postgres://app:hunter22@192.0.2.1/db?connect_timeout=1&sslmode=verify-full": {unreachable.ID},
		"postgres://app:hunter22@" + nobody + "/db":                                  {unreachable.ID},
		"postgres://app:hunter22@no-such-host.invalid/db?sslmode=verify-full":        {unreachable.ID},
		"postgres://app:hunter22@:none/db":                                           {address.ID},
		missing.String():                                                             {unreachable.ID},
	} {
		list := look(t, Database{URL: where, ContextKey: key})
		require.Equal(t, want, rules(list), "%+v", list)
		for _, f := range list {
			require.NotRegexp(t, `hunter22|192\.0\.2|no-such-host|no_such_database`, fmt.Sprintf("%+v", f))
		}
	}
}

func TestWhyUnreachable(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		&pgconn.PgError{Code: "28P01", Message: "password authentication failed for user \"app\""}: "the server refuses the role or its password",
		&pgconn.PgError{Code: "53300"}: "the server has no connection left",
		&pgconn.PgError{Code: "XX000"}: "the server refuses the connection (SQLSTATE XX000)",
		context.DeadlineExceeded:       "the server does not answer",
		errors.New("tls: bad record"):  "the encrypted connection could not be made",
		errors.New("what"):             "the connection could not be made",
	} {
		message, fix := whyUnreachable(fmt.Errorf("connect: %w", err))
		require.Equal(t, want, message)
		require.NotEmpty(t, fix)
	}
}

func TestOldServer(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	conn, err := pgx.Connect(t.Context(), d.AppURL)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	look := &database{conn: conn, server: server{Version: 140011, PID: conn.PgConn().PID()}}
	look.judgeServer()
	require.Equal(t, []string{oldServer.ID}, rules(look.findings))
	require.Equal(t, "the server is PostgreSQL 14", look.findings[0].Message)
}

// Behind what gives out process numbers of its own, as poolers do.
func TestPooler(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	list := look(t, Database{URL: renumbered(t, d.AppURL), ContextKey: d.Key.Encode()})
	require.Equal(t, []string{pooler.ID}, rules(list))
	require.Equal(t, Warning, list[0].Severity)
}

// renumbered passes everything on but the process number of each connection.
func renumbered(t *testing.T, address string) string {
	config, err := pgx.ParseConfig(address)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			network, where := pgconn.NetworkAddress(config.Host, config.Port)
			backend, err := net.Dial(network, where)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(backend, client); _ = backend.Close() }()
			go func() { renumber(client, backend); _ = client.Close() }()
		}
	}()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.Host = listener.Addr().String()
	u.RawQuery = "sslmode=disable"
	if config.Password != "" {
		u.User = url.UserPassword(config.User, config.Password)
	}
	return u.String()
}

// renumber copies the server's messages: a letter, a length, and the rest.
func renumber(to io.Writer, from io.Reader) {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if head[0] == 'K' {
			binary.BigEndian.PutUint32(body, 1)
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return
		}
	}
}
