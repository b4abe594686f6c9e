package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/inspect"
	"github.com/watertight-go/watertight/internal/evidence"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/lint"
	"github.com/watertight-go/watertight/schema"
)

// A proof is one run of prove.
type proof struct {
	*call
	flags proveFlags
	cfg   *proveConfig
	doc   evidence.Document

	queries []leaktest.Query
}

func (p *proof) run(ctx context.Context) (err error) {
	started := time.Now()
	p.doc = evidence.Document{Date: started.UTC().Truncate(time.Second), Go: runtime.Version(), Watertight: moduleVersion()}
	if err := p.readInputs(); err != nil {
		return err
	}
	if err := p.lint(); err != nil {
		return err
	}
	url, stop, err := p.database(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	p.secret = url
	if err := p.inspect(ctx, url); err != nil {
		return err
	}
	if err := p.attack(ctx, url); err != nil {
		return err
	}
	p.waive()
	p.doc.Seconds = time.Since(started).Seconds()
	p.doc.Settle()
	return nil
}

func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// readInputs takes the digest of every file that the proof is about.
func (p *proof) readInputs() error {
	paths := slices.Concat(p.cfg.Schema, p.cfg.Setup, p.cfg.Queries)
	if p.cfg.Seed != "" {
		paths = append(paths, p.cfg.Seed)
	}
	files, err := sqlFilesOf(paths)
	if err != nil {
		return err
	}
	for _, name := range append([]string{p.cfg.path}, files...) {
		content, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read an input: %w", err)
		}
		p.doc.Inputs = append(p.doc.Inputs, evidence.Digest(name, content))
	}
	return nil
}

// lint proves the queries without a database.
func (p *proof) lint() error {
	if len(p.cfg.Queries) == 0 {
		return nil
	}
	tables, err := p.lintSchema()
	if err != nil {
		return err
	}
	files, err := lint.ReadQueries(p.cfg.Queries)
	if err != nil {
		return err
	}
	report, err := lint.Check(tables, files, lint.Options{TenantColumns: p.cfg.TenantColumns})
	if err != nil {
		return err
	}
	p.doc.Proved = report.Proved
	for _, f := range report.Findings {
		p.doc.Findings = append(p.doc.Findings, evidence.Finding{
			Source: "lint", Rule: f.Rule, Severity: string(f.Severity), File: f.File, Line: f.Line, Column: f.Column,
			Query: f.Query, Table: f.Table, Object: f.Object, Message: f.Message, Fix: f.Fix, Unproved: f.Broken(),
		})
	}
	for _, w := range report.Waivers {
		p.doc.Waivers = append(p.doc.Waivers, evidence.Waiver{Rule: "cross-tenant", What: fmt.Sprintf("query %s, %s:%d", w.Query, w.File, w.Line), Reason: w.Reason})
	}
	p.queries, err = leaktest.ReadQueries(p.cfg.Queries)
	return err
}

// lintSchema reads the team's schema, after Watertight's own where that is
// installed: queries may join its tables.
func (p *proof) lintSchema() (*lint.Schema, error) {
	if !p.cfg.installs() {
		return lint.ReadSchema(p.cfg.Schema)
	}
	folder, err := os.MkdirTemp("", "watertight-schema-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the schema: %w", err)
	}
	defer os.RemoveAll(folder)
	if err := os.CopyFS(folder, schema.Files()); err != nil {
		return nil, fmt.Errorf("write the schema to a folder: %w", err)
	}
	files, err := p.cfg.teamFiles(p.cfg.Schema)
	if err != nil {
		return nil, err
	}
	return lint.ReadSchema(append([]string{folder}, files...))
}

// database connects to the database of the configuration, or starts one and
// sets it up.
func (p *proof) database(ctx context.Context) (url string, stop func() error, err error) {
	stop = func() error { return nil }
	if p.cfg.Database != "" {
		return p.cfg.Database, stop, nil
	}
	server, err := pgtest.Start(ctx, pgtest.Config{})
	if err != nil {
		return "", stop, err
	}
	stop = server.Stop
	db, err := server.CreateDatabase(ctx, "", pgtest.Config{Empty: true})
	if err != nil {
		return "", stop, errors.Join(err, server.Stop())
	}
	stop = func() error { return errors.Join(db.Drop(context.WithoutCancel(ctx)), server.Stop()) }
	if err := p.setUp(ctx, db.AdminURL); err != nil {
		return "", stop, errors.Join(err, stop())
	}
	return db.AdminURL, stop, nil
}

// setUp runs the schema as the administrator.
func (p *proof) setUp(ctx context.Context, url string) error {
	if p.cfg.installs() {
		if _, err := schema.Migrate(ctx, url, schema.Config{}); err != nil {
			return err
		}
	}
	scripts, err := p.cfg.scripts()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the database of the proof: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range scripts {
		if _, err := conn.Exec(ctx, s.sql); err != nil {
			return fmt.Errorf("set up the database with %s: %w", s.file, err)
		}
	}
	return nil
}

// inspect looks at the catalogue.
func (p *proof) inspect(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	report, err := inspect.Check(ctx, conn, inspect.Config{
		AppRole: p.cfg.AppRole, TenantColumns: p.cfg.TenantColumns, TenantSetting: p.cfg.TenantSetting, Enter: p.cfg.Enter, Schemas: p.cfg.Schemas,
	})
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	if p.cfg.AppRole == "" {
		p.cfg.AppRole = report.AppRole
	}
	p.doc.Rules = report.Rules
	for _, f := range report.Findings {
		p.doc.Findings = append(p.doc.Findings, evidence.Finding{Source: "inspect", Rule: f.Rule, Severity: f.Severity, Table: f.Table, Object: f.Object, Message: f.Message, Fix: f.Fix})
	}
	for _, a := range report.Assumed {
		p.doc.Assumed = append(p.doc.Assumed, "inspect: "+a)
	}
	for _, u := range report.Unseen {
		p.doc.Notes = append(p.doc.Notes, "inspect did not see: "+u)
	}
	return nil
}

// attack attacks a copy of the database.
func (p *proof) attack(ctx context.Context, url string) error {
	cfg := leaktest.Config{
		URL: url, AppRole: p.cfg.AppRole, TenantColumns: p.cfg.TenantColumns, TenantSetting: p.cfg.TenantSetting, Enter: p.cfg.Enter,
		Schemas: p.cfg.Schemas, Queries: p.queries, Jobs: p.flags.jobs, YesDestroy: p.flags.yes, SelfTest: !p.flags.noSelfTest, Progress: p.progress(),
	}
	if p.cfg.Seed != "" {
		content, err := os.ReadFile(p.cfg.Seed)
		if err != nil {
			return fmt.Errorf("read the seed: %w", err)
		}
		cfg.Seed = string(content)
	}
	var err error
	if cfg.Attacks, err = sealedAttack(ctx, url); err != nil {
		return err
	}
	report, err := leaktest.Check(ctx, cfg)
	p.progressDone()
	if err := endedEarly(err); err != nil {
		return err
	}
	d := &p.doc
	d.Server, d.Identity, d.Database, d.AppRole, d.Where = report.Server, report.Identity, report.Database, report.AppRole, report.Where
	d.Tables, d.Rows, d.Attacks, d.Queries = report.Tables, report.Rows, report.Attacks, report.Queries
	d.Assumed, d.Notes = append(d.Assumed, report.Assumed...), append(d.Notes, report.Notes...)
	for _, f := range report.Findings {
		d.Findings = append(d.Findings, evidence.Finding{
			Source: "attack", Rule: f.Rule, Severity: f.Severity, File: f.File, Line: f.Line, Column: f.Column,
			Query: f.Query, Table: f.Table, Object: f.Object, Message: f.Message, Fix: f.Fix, Unproved: f.Unproved(),
		})
	}
	for _, c := range report.Cells {
		d.Cells = append(d.Cells, evidence.Cell{Object: c.Object, Kind: c.Kind, Attack: c.Attack, Lock: c.Lock, Verdict: string(c.Verdict), Control: c.Control, Detail: c.Detail})
	}
	for _, pl := range report.Planted {
		d.Planted = append(d.Planted, evidence.Planted(pl))
	}
	return nil
}

// waive sets aside the findings that the configuration accepts. A waiver that
// nothing needs is a finding itself, so that none outlives its reason.
func (p *proof) waive() {
	var kept []evidence.Finding
	for _, f := range p.doc.Findings {
		i := slices.IndexFunc(p.cfg.Waivers, func(w waiverFor) bool {
			return w.Rule == f.Rule && (w.Object == "" || w.Object == f.Object || w.Object == f.Table || w.Object == f.Query || w.Object == f.Subject())
		})
		if i < 0 || f.Unproved { // what was not proved cannot be accepted as proof
			kept = append(kept, f)
			continue
		}
		p.cfg.Waivers[i].used = true
		p.doc.Waivers = append(p.doc.Waivers, evidence.Waiver{Rule: f.Rule, What: f.Subject() + ": " + f.Message, Reason: p.cfg.Waivers[i].Reason})
	}
	for _, w := range p.cfg.Waivers {
		if !w.used {
			kept = append(kept, evidence.Finding{
				Source: "prove", Rule: "waiver-unused", Severity: "warning", File: p.cfg.path, Object: w.Rule + " " + w.Object,
				Message: "the waiver sets nothing aside any more", Fix: "take it out of the file",
			})
		}
	}
	p.doc.Findings = kept
}

// sign writes the signed evidence and says which key it was.
func (p *proof) sign() error {
	var key ed25519.PrivateKey
	if p.flags.signKey != "" {
		content, err := os.ReadFile(p.flags.signKey)
		if err != nil {
			return fmt.Errorf("read the key to sign with: %w", err)
		}
		if key, err = evidence.ParsePrivateKey(content); err != nil {
			return err
		}
	} else {
		var err error
		if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return fmt.Errorf("make a key to sign with: %w", err)
		}
	}
	file, err := evidence.Sign(p.doc, key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.flags.evidence, file, 0o644); err != nil {
		return fmt.Errorf("write the evidence: %w", err)
	}
	fmt.Fprintf(p.stderr, "signed %s with key %s\n", p.flags.evidence, evidence.FormatPublicKey(key.Public().(ed25519.PublicKey)))
	return nil
}
