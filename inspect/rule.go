package inspect

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

//go:embed prelude.sql rules/*/rule.sql rules/*/doc.md
var files embed.FS

// A Rule is one check: a folder of rules with the query that finds the fault
// (rule.sql), its documentation (doc.md), and schemas that have it (bad.sql),
// had it (fixed.sql runs after bad.sql) and never had it (ok.sql).
type Rule struct {
	ID       string // WTI001, from the folder's name; never reused
	Name     string // the rest of the folder's name
	Severity string // of its worst finding
	Title    string // one line
	Doc      string // what it finds, why it matters, how to fix it

	sql string
}

// folder is wtiNNN-name-of-the-rule.
var folder = regexp.MustCompile(`^(wti[0-9]{3})-([a-z0-9-]+)$`)

// Rules returns all rules in the order of their ids.
func Rules() ([]Rule, error) { return loadRules() }

var loadRules = sync.OnceValues(func() ([]Rule, error) {
	prelude, err := files.ReadFile("prelude.sql")
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(files, "rules")
	if err != nil {
		return nil, err
	}
	var rules []Rule
	for _, e := range entries {
		r, err := loadRule(e.Name(), string(prelude))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(rules, func(o Rule) bool { return o.ID == r.ID }) {
			return nil, fmt.Errorf("two rules have the id %s (rename a folder)", r.ID)
		}
		rules = append(rules, r)
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("there are no rules (the program was built without them)")
	}
	return rules, nil
})

func loadRule(dir, prelude string) (Rule, error) {
	match := folder.FindStringSubmatch(dir)
	if match == nil {
		return Rule{}, fmt.Errorf("rules/%s is not named wtiNNN-words", dir)
	}
	sql, err := files.ReadFile("rules/" + dir + "/rule.sql")
	if err != nil {
		return Rule{}, err
	}
	doc, err := files.ReadFile("rules/" + dir + "/doc.md")
	if err != nil {
		return Rule{}, err
	}
	// The first line of doc.md is the title, as a heading with the severity.
	head, rest, _ := strings.Cut(string(doc), "\n")
	title, severity, ok := strings.Cut(strings.TrimPrefix(head, "# "), " · ")
	if !ok || severity != Error && severity != Warning {
		return Rule{}, fmt.Errorf("rules/%s/doc.md does not begin with \"# title · error\" or \"· warning\"", dir)
	}
	return Rule{
		ID: strings.ToUpper(match[1]), Name: match[2], Severity: severity, Title: title, Doc: strings.TrimSpace(rest),
		// A sub-select, so that a rule may have a WITH of its own.
		sql: prelude + "select * from (\n" + string(sql) + "\n) as found (severity, object, tbl, message, fix)",
	}, nil
}

// run returns what the rule finds. It runs in a subtransaction, so that a rule
// that the role may not run does not end the others.
func (r Rule) run(ctx context.Context, tx pgx.Tx, facts string) ([]Finding, error) {
	sub, err := tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	found, err := r.query(ctx, sub, facts)
	if end := sub.Rollback(ctx); err == nil {
		err = end
	}
	return found, err
}

func (r Rule) query(ctx context.Context, tx pgx.Tx, facts string) ([]Finding, error) {
	rows, err := tx.Query(ctx, r.sql, facts)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Finding, error) {
		f := Finding{Rule: r.ID}
		err := row.Scan(&f.Severity, &f.Object, &f.Table, &f.Message, &f.Fix)
		return f, err
	})
}

// dir is the folder of the rule.
func (r Rule) dir() string { return "rules/" + strings.ToLower(r.ID) + "-" + r.Name }
