package inspect

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// tracer records what is sent to the server.
type tracer struct {
	sync.Mutex
	statements []string
}

func (r *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.Lock()
	defer r.Unlock()
	r.statements = append(r.statements, strings.ToLower(strings.TrimSpace(data.SQL)))
	return ctx
}

func (r *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Everything happens in one read-only transaction, with timeouts, and names no
// relation but those of the catalogue.
func TestCheckOnlyReads(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Empty: true, Setup: []string{roles, readFile(t, "testdata", "lab.sql")}})
	cfg, err := pgx.ParseConfig(d.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	var sent tracer
	cfg.Tracer = &sent
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := Check(t.Context(), conn, Config{AppRole: "wt_app"}); err != nil {
		t.Fatal(err)
	}
	list := sent.statements
	if list[0] != "begin isolation level repeatable read read only" || !slices.Contains([]string{"commit", "rollback"}, list[len(list)-1]) {
		t.Errorf("it begins with %q and ends with %q", list[0], list[len(list)-1])
	}
	if !slices.Contains(list, "set local lock_timeout = '2s'") || !slices.Contains(list, "set local statement_timeout = '30s'") {
		t.Error("it sets no timeouts")
	}
	allowed := regexp.MustCompile(`^(begin|commit|rollback|savepoint|release|set local|select|with|-- what every rule)`)
	for _, s := range list {
		if !allowed.MatchString(s) {
			t.Errorf("it sends %.200s", s)
		}
		if regexp.MustCompile(`pg_get_(expr|indexdef|constraintdef|viewdef|ruledef|triggerdef|functiondef)\b`).MatchString(s) && !strings.Contains(s, "case when $2") {
			t.Errorf("it has the server write an expression, which locks a table: %.200s", s)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Empty: true, Setup: []string{roles}})
	conn, err := pgx.Connect(t.Context(), d.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := Check(t.Context(), conn, Config{}); !errors.Is(err, ErrNoTenantTable) {
		t.Errorf("a database without tenant tables: %v", err)
	}
	if _, err := Check(t.Context(), conn, Config{TenantSetting: "a.b", Enter: "select 1"}); err == nil {
		t.Error("a contradiction is accepted")
	}
	if _, err := conn.Exec(t.Context(), "create table doc (tenant_id int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), conn, Config{}); err == nil || !strings.Contains(err.Error(), "--app-role") {
		t.Errorf("nobody has a grant, and yet: %v", err)
	}
	if _, err := Check(t.Context(), conn, Config{AppRole: "nobody_by_that_name"}); err == nil {
		t.Error("a role that is none is accepted")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ended, conn, Config{AppRole: "wt_app"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled look: %v", err)
	}
}

// Each rule's id, severity, title and page come from its folder.
func TestRuleFolders(t *testing.T) {
	t.Parallel()
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) < 60 {
		t.Errorf("only %d rules", len(rules))
	}
	for _, r := range rules {
		if !regexp.MustCompile(`^WTI[0-9]{3}$`).MatchString(r.ID) || r.Title == "" || len(r.Doc) < 100 || strings.HasSuffix(r.Title, ".") {
			t.Errorf("the rule %s %q has an unfinished page", r.ID, r.Title)
		}
		for _, file := range []string{"rule.sql", "doc.md", "bad.sql", "fixed.sql", "ok.sql"} {
			if strings.TrimSpace(readFile(t, r.dir(), file)) == "" {
				t.Errorf("%s/%s is empty", r.dir(), file)
			}
		}
	}
	for _, name := range []string{"wti1-x", "WTI001-x", "wti001", "wti001-X", "x"} {
		if folder.MatchString(name) {
			t.Errorf("a folder may be named %s", name)
		}
	}
}
