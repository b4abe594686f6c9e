package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// inspected makes a database with one sound tenant table, and returns it with
// a connection of its administrator and the URL of an application's role.
func inspected(t *testing.T) (db *pgtest.Database, admin *pgx.Conn, role, appURL string) {
	t.Helper()
	db, err := serve(t).CreateDatabase(t.Context(), "", pgtest.Config{Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Drop(context.WithoutCancel(t.Context())) })
	role, appURL = db.Login(t)
	if admin, err = pgx.Connect(t.Context(), db.AdminURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(t.Context()) })
	sql(t, admin, `create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
		alter table public.doc enable row level security, force row level security;
		create policy tenant on public.doc using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
		grant select, insert on public.doc to `+pgx.Identifier{role}.Sanitize())
	return db, admin, role, appURL
}

func sql(t *testing.T, conn *pgx.Conn, script string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(t.Context(), script).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

func TestInspectForACluster(t *testing.T) {
	t.Parallel()
	db, _, role, _ := inspected(t)
	for profile, wanted := range map[string]bool{"": false, "--profile=citus": true} {
		args := []string{"inspect", db.AdminURL, "--app-role", role}
		if profile != "" {
			args = append(args, profile)
		}
		code, out, stderr := execute(t, nil, args...)
		if code != 0 || strings.Contains(out, "WTI106") != wanted {
			t.Errorf("%q: code %d, %s%s", profile, code, out, stderr)
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	db, admin, role, appURL := inspected(t)

	for _, address := range []string{db.AdminURL, appURL} {
		code, stdout, stderr := execute(t, nil, "inspect", address)
		if code != exitClean || !strings.Contains(stdout, "0 errors") || stderr != "" {
			t.Errorf("a sound database: exit code %d, %s%s", code, stdout, stderr)
		}
		if !strings.Contains(stdout, role) {
			t.Errorf("the assumed role is not named: %s", stdout)
		}
	}

	// Nothing that the application waits for, and nothing that it holds: a
	// table that is locked for a migration does not stop the look.
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "lock table public.doc in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := execute(t, nil, "inspect", appURL); code != exitClean {
		t.Errorf("while a table is locked: exit code %d, %s%s", code, stdout, stderr)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}

	sql(t, admin, "alter table public.doc disable row level security")
	t.Run("text", func(t *testing.T) {
		code, stdout, _ := execute(t, nil, "inspect", db.AdminURL, "--app-role", role)
		if code != exitFindings || !strings.Contains(stdout, "[WTI010]") || !strings.Contains(stdout, "fix: alter table public.doc enable row level security") {
			t.Errorf("exit code %d, %s", code, stdout)
		}
	})
	t.Run("json", func(t *testing.T) {
		code, stdout, _ := execute(t, nil, "inspect", db.AdminURL, "--app-role", role, "--tenant-column", "tenant_id", "--tenant-setting", "app.tenant_id", "--schema", "public", "--format", "json")
		checkInspectJSON(t, code, stdout)
	})
	t.Run("sarif", func(t *testing.T) {
		code, stdout, _ := execute(t, nil, "inspect", db.AdminURL, "--format", "sarif")
		var doc struct {
			Version string
			Runs    []struct {
				Results []struct{ RuleID, Level string }
			}
		}
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
			t.Fatal(err)
		}
		if code != exitFindings || doc.Version != "2.1.0" || len(doc.Runs) != 1 || doc.Runs[0].Results[0].RuleID != "WTI010" || doc.Runs[0].Results[0].Level != "error" {
			t.Errorf("exit code %d, %s", code, stdout)
		}
	})
}

func checkInspectJSON(t *testing.T, code int, stdout string) {
	t.Helper()
	var doc struct {
		Findings []map[string]any
		Queries  *int
		Proved   *int
		Waived   *int
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	if code != exitFindings || doc.Queries == nil || doc.Proved == nil || doc.Waived == nil || len(doc.Findings) == 0 {
		t.Fatalf("exit code %d, %s", code, stdout)
	}
	first := doc.Findings[0]
	for _, key := range []string{"rule", "severity", "file", "line", "column", "query", "table", "object", "message", "fix"} {
		if _, ok := first[key]; !ok {
			t.Errorf("a finding has no %q", key)
		}
	}
	if first["rule"] != "WTI010" || first["severity"] != "error" || first["table"] != "public.doc" {
		t.Errorf("the first finding is %v", first)
	}
}

// Whatever ends the look before its end is exit code 2, never a clean report.
func TestInspectCannotLook(t *testing.T) {
	t.Parallel()
	db, admin, _, appURL := inspected(t)
	fails := func(name, want string, args ...string) {
		t.Helper()
		code, stdout, stderr := execute(t, nil, append([]string{"inspect"}, args...)...)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, "hunter2") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
	fails("an unknown role", "there is no role", db.AdminURL, "--app-role", "nobody_by_that_name")
	fails("an unknown column", "no table has a tenant column named nothing", db.AdminURL, "--tenant-column", "nothing")
	fails("a schema without tables", "no table has a tenant column", db.AdminURL, "--schema", "information")
	fails("two ways to enter", "one of", db.AdminURL, "--tenant-setting", "a.b", "--enter", "select 1")
	fails("no database", "no database was named")
	fails("a URL that is none", "could not be read", "postgres://u:hunter2@host:port/db")
	fails("a server that is not there", "connect", "postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=5")
	for _, after := range []int64{2_000, 20_000, 60_000} {
		fails("a connection that breaks", "", cut(t, appURL, after))
	}
	sql(t, admin, "drop table public.doc")
	fails("no tenant table", "no table has a tenant column", db.AdminURL)
}

// cut returns a URL of the same database through a proxy that breaks the
// connection after so many bytes of answers.
func cut(t *testing.T, address string, after int64) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = client.Close() }()
		network, socket := pgconn.NetworkAddress(cfg.Host, cfg.Port)
		server, err := net.Dial(network, socket)
		if err != nil {
			return
		}
		defer func() { _ = server.Close() }()
		go func() { _, _ = io.Copy(server, client) }()
		_, _ = io.CopyN(client, server, after)
	}()
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: listener.Addr().String(), Path: cfg.Database, RawQuery: "sslmode=disable"}
	return u.String()
}
