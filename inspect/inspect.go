package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/internal/catalog"
)

// Severities of a finding.
const (
	Error   = "error"   // one tenant can reach, change or learn of another's data
	Warning = "warning" // it takes one more mistake, or a look by a person
)

// A Finding is one way out of a tenant.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`

	// File, Line, Column and Query are those of a query file, and empty in a
	// finding about a database: lint and inspect print one shape.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Query  string `json:"query"`

	Table   string `json:"table"`  // the tenant table concerned, if there is one
	Object  string `json:"object"` // what to change: a policy, a key, a role
	Message string `json:"message"`
	Fix     string `json:"fix"` // DDL
}

// Config says what to look at. The zero value finds out for itself and says in
// the report what it assumed.
type Config struct {
	// AppRole is the role that the application connects as.
	//
	// Defaults to the role of the connection if that is an ordinary one, else
	// to the role with the most grants on tenant tables.
	AppRole string

	// TenantColumns are the names of the columns that say whose a row is.
	//
	// Defaults to tenant_id, else to the well-known name that policies use.
	TenantColumns []string

	// TenantSetting is the setting that policies must compare with, such as
	// "app.tenant_id".
	//
	// Defaults to what most policies compare with.
	TenantSetting string

	// Enter is the statement by which the application enters a tenant, such as
	// "select watertight.enter($1)", where that is not a plain setting.
	Enter string

	// Schemas are the schemas to look at. Defaults to all.
	Schemas []string

	// Profile is ProfileCitus for a database that is to become the coordinator
	// of a Citus cluster. Defaults to what the database is.
	Profile string
}

func (c Config) validate() error {
	if c.TenantSetting != "" && c.Enter != "" {
		return errors.New("the tenant is entered by a setting and by a statement (give one of TenantSetting and Enter)")
	}
	if c.Profile != "" && c.Profile != ProfileCitus {
		return errors.New("there is no such profile (give ProfileCitus or none)")
	}
	return nil
}

// A Report is what Check found.
type Report struct {
	Findings []Finding
	AppRole  string
	Tables   int // tenant tables looked at
	Rules    int // rules that ran

	// Assumed says what Config left open and how Check filled it in.
	Assumed []string

	// Unseen says what the role of the connection was not allowed to read.
	Unseen []string
}

// Errors counts the findings that are errors.
func (r Report) Errors() int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == Error {
			n++
		}
	}
	return n
}

// ErrNoTenantTable says that no table belongs to tenants: a schema without one
// is never clean.
var ErrNoTenantTable = catalog.ErrNoTenantTable

// Check reads the catalogue in one read-only transaction and returns what it
// found. An error means that it could not look, which is not a clean result;
// [ErrNoTenantTable] is one of them.
func Check(ctx context.Context, db interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}, cfg Config,
) (Report, error) {
	if err := cfg.validate(); err != nil {
		return Report{}, err
	}
	var report Report
	err := pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var err error
		report, err = check(ctx, tx, cfg)
		return err
	})
	if err != nil {
		return Report{}, err
	}
	return report, nil
}

// check is Check in the caller's transaction, so that tests can look at a
// schema that they then roll back.
func check(ctx context.Context, tx pgx.Tx, cfg Config) (Report, error) {
	rules, err := Rules()
	if err != nil {
		return Report{}, err
	}
	m, err := read(ctx, tx, cfg)
	if err != nil {
		return Report{}, err
	}
	return m.judge(ctx, tx, rules)
}

// judge runs the rules.
func (m *model) judge(ctx context.Context, tx pgx.Tx, rules []Rule) (Report, error) {
	report := Report{AppRole: m.app.Name, Tables: len(m.tenancy.Tables), Rules: len(rules), Assumed: m.assumed, Unseen: m.unseen}
	facts, err := m.facts()
	if err != nil {
		return Report{}, err
	}
	for _, rule := range rules {
		found, err := rule.run(ctx, tx, facts)
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == insufficientPrivilege {
			report.Unseen = append(report.Unseen, fmt.Sprintf("rule %s, %s: %s", rule.ID, rule.Title, pg.Message))
			continue
		}
		if err != nil {
			return Report{}, fmt.Errorf("rule %s: %w", rule.ID, err)
		}
		report.Findings = append(report.Findings, found...)
	}
	sortFindings(report.Findings)
	return report, nil
}

const insufficientPrivilege = "42501"

// settings keep a production database out of harm's way: nothing waits long for
// a lock or runs long, and every name that the server prints is qualified.
var settings = []string{
	"set local search_path = ''",
	"set local lock_timeout = '2s'",
	"set local statement_timeout = '30s'",
	"set local idle_in_transaction_session_timeout = '60s'",
	"set local jit = off", // compiling a rule takes longer than running it
}

func sortFindings(list []Finding) {
	slices.SortStableFunc(list, func(a, b Finding) int {
		if a.Severity != b.Severity {
			return strings.Compare(a.Severity, b.Severity)
		}
		if d := strings.Compare(a.Table, b.Table); d != 0 {
			return d
		}
		if d := strings.Compare(a.Rule, b.Rule); d != 0 {
			return d
		}
		return strings.Compare(a.Object, b.Object)
	})
}
