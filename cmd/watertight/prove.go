package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/watertight-go/watertight/internal/evidence"
)

func proveCommand() *command {
	return &command{
		name:    "prove",
		summary: "lint, inspect, attack, self-test, and a report for auditors",
		usage:   "[-c watertight.yaml] [flags]",
		help: "prove does everything at once, as watertight.yaml says: it proves the queries\n" +
			"(lint), looks at the catalogue (inspect), attacks every table and runs every query\n" +
			"across tenants (attack), plants leaks that it must catch (self-test), and writes the\n" +
			"report. Without a database in the file it starts a Postgres of its own.\n\n" +
			"  schema:  [schema/migrations]   # .sql files or folders, for lint and for the database\n" +
			"  queries: [query]               # what sqlc reads\n" +
			"  database: $DATABASE_URL        # optional; an administrator of a database for tests\n" +
			"  watertight: true               # install Watertight's own schema first\n" +
			"  app_role: app                  # and tenant_columns, tenant_setting, enter, schemas, seed\n" +
			"  waivers:\n" +
			"    - {rule: WTA021, object: setting app.tenant_id, reason: only parameters reach SQL}",
		example: "  watertight prove\n" +
			"  watertight prove -c watertight.yaml --html report.html --junit junit.xml\n" +
			"  watertight prove --evidence evidence.json --sign-key key.pem",
		run: runProve,
	}
}

type proveFlags struct {
	config                      string
	format, html, junit, sarif  string
	jsonFile, evidence, signKey string
	noSelfTest, yes             bool
	jobs                        int
}

func runProve(ctx context.Context, c *call) error {
	fs := c.flagSet()
	f := proveFlags{format: "text"}
	fs.StringVar(&f.config, "c", "watertight.yaml", "`FILE` that says what to prove")
	fs.Var(choice{&f.format, []string{"text", "json", "sarif"}}, "format", "output: text, json or sarif")
	fs.StringVar(&f.html, "html", "", "`FILE` for the report as one page")
	fs.StringVar(&f.junit, "junit", "", "`FILE` for the report as JUnit XML")
	fs.StringVar(&f.sarif, "sarif", "", "`FILE` for the findings as SARIF")
	fs.StringVar(&f.jsonFile, "json", "", "`FILE` for the whole report as JSON")
	fs.StringVar(&f.evidence, "evidence", "", "`FILE` for the signed report, which verify-report checks")
	fs.StringVar(&f.signKey, "sign-key", "", "`FILE` with the Ed25519 key to sign with, in PEM (default: a key for this run)")
	fs.BoolVar(&f.noSelfTest, "no-self-test", false, "plant no leaks: quicker, and proves less")
	fs.BoolVar(&f.yes, "yes-destroy", false, "attack a database that does not look disposable")
	fs.IntVar(&f.jobs, "jobs", 0, "`N` attacks at once (default: the processors, at most 8)")
	if _, err := c.parse(fs, 0, 0); err != nil {
		return err
	}
	cfg, err := readProveConfig(f.config, c.getenv)
	if err != nil {
		return err
	}
	c.secret = cfg.Database
	p := &proof{call: c, flags: f, cfg: cfg}
	if err := p.run(ctx); err != nil {
		return err
	}
	if err := p.write(); err != nil {
		return err
	}
	leaks, unproved, _ := p.doc.Count()
	switch {
	case leaks > 0:
		return findings("")
	case unproved > 0:
		return errors.New("something could not be proved, so this is no clean result (see the findings)")
	}
	return nil
}

// write writes the report in every form that was asked for. The signed one
// comes last: it holds the digests of the others.
func (p *proof) write() error {
	forms := []struct {
		file string
		make func() ([]byte, error)
	}{
		{p.flags.html, p.doc.HTML}, {p.flags.junit, p.doc.JUnit}, {p.flags.sarif, p.doc.SARIF}, {p.flags.jsonFile, p.doc.JSON},
	}
	for _, form := range forms {
		if form.file == "" {
			continue
		}
		content, err := form.make()
		if err != nil {
			return err
		}
		if err := os.WriteFile(form.file, content, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		p.doc.Files = append(p.doc.Files, evidence.Digest(filepath.Base(form.file), content))
	}
	if p.flags.evidence != "" {
		if err := p.sign(); err != nil {
			return err
		}
	}
	var content []byte
	var err error
	switch p.flags.format {
	case "json":
		content, err = p.doc.Summary()
	case "sarif":
		content, err = p.doc.SARIF()
	default:
		content = p.doc.Text()
	}
	if err == nil {
		_, err = p.stdout.Write(content)
	}
	return err
}
