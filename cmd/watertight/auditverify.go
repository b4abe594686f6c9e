package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/audit"
)

// auditFormat adds --format.
func auditFormat(fs *flag.FlagSet) *string {
	format := "text"
	fs.Var(choice{&format, []string{"text", "json"}}, "format", "output: text or json")
	return &format
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func auditVerify() *command {
	return &command{
		name: "audit verify", summary: "hash a log again and compare it with its signed checkpoints", usage: "[URL | BUNDLE.zip | PROOF.json] --key KEY",
		help: `verify needs the public key and nothing else that the log's owner says: with a URL it
reads the database, all logs or that of --tenant; with a file it works offline, on a
bundle of watertight audit report or a proof of watertight audit prove. --checkpoints
names what an anchor outside the database kept; without it, an end that was cut off
together with its checkpoints is not noticed. Exit code 1 if anything is wrong.`,
		example: `  watertight audit verify postgres://sealer@localhost/app --key public.key --checkpoints /mnt/worm/anchor.jsonl
  watertight audit verify report.zip --key public.key
  watertight audit verify --key public.key --tenant 6f1e2b0c-539a-4d10-8e77-0a1b2c3d4e5f --format json`,
		run: runAuditVerify,
	}
}

type verifyFlags struct {
	keys   keyList
	tenant tenantFlag
	files  pathList
	format *string
	cfg    audit.VerifyConfig
}

func runAuditVerify(ctx context.Context, c *call) error {
	fs := c.flagSet()
	var f verifyFlags
	fs.Var(&f.keys, "key", "public `KEY` of the log, or its file; may be repeated")
	fs.Var(&f.tenant, "tenant", "`ID` of one tenant, or platform (default all logs)")
	fs.Var(&f.files, "checkpoints", "`FILE` with checkpoints from outside the database; may be repeated")
	f.format = auditFormat(fs)
	args, err := c.parse(fs, 0, 1)
	if err != nil {
		return err
	}
	if len(f.keys) == 0 {
		return errKeyFlag
	}
	f.cfg.Keys = f.keys
	for _, name := range f.files {
		notes, err := readCheckpoints(name)
		if err != nil {
			return err
		}
		f.cfg.Outside = append(f.cfg.Outside, notes...)
	}
	var verdicts []audit.Verdict
	switch {
	case len(args) == 1 && strings.HasSuffix(args[0], ".json"):
		return verifyProof(c, args[0], f)
	case len(args) == 1 && !isURL(args[0]) && !isKeywords(args[0]):
		verdicts, err = verifyBundle(args[0], f)
	default:
		verdicts, err = verifyDatabase(ctx, c, args, f)
	}
	if err != nil {
		return err
	}
	return printVerdicts(c, verdicts, *f.format)
}

func readCheckpoints(name string) ([][]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the checkpoints %s cannot be read", name)
	}
	defer file.Close()
	notes, err := audit.ReadAnchor(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(notes) == 0 {
		return nil, fmt.Errorf("%s holds no checkpoint", name)
	}
	return notes, nil
}

func verifyBundle(name string, f verifyFlags) ([]audit.Verdict, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the bundle %s cannot be read", name)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("the bundle %s cannot be read", name)
	}
	v, err := audit.VerifyBundle(file, info.Size(), f.cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.tenant.set && v.Tenant != f.tenant.id {
		return nil, fmt.Errorf("%s is the log of another tenant", name)
	}
	return []audit.Verdict{v}, nil
}

func verifyDatabase(ctx context.Context, c *call, args []string, f verifyFlags) ([]audit.Verdict, error) {
	db, err := c.auditDB(ctx, args)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	logs := []uuid.UUID{f.tenant.id}
	if !f.tenant.set {
		if logs, err = audit.Logs(ctx, db); err != nil {
			return nil, err
		}
		logs = append(logs, missingLogs(logs, f.cfg)...)
	}
	if len(logs) == 0 {
		return nil, errors.New("no log is sealed yet (run watertight audit seal)")
	}
	var verdicts []audit.Verdict
	for _, t := range logs {
		cfg := f.cfg
		cfg.Progress = func(done, of uint64) { fmt.Fprintf(c.stderr, "%s: %d of %d events\n", t, done, of) }
		v, err := audit.Verify(ctx, db, t, cfg)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// missingLogs are those of which only a checkpoint outside is left.
func missingLogs(known []uuid.UUID, cfg audit.VerifyConfig) []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	for _, t := range known {
		seen[t] = true
	}
	var missing []uuid.UUID
	for _, note := range cfg.Outside {
		if c, err := audit.OpenCheckpoint(note, cfg.Keys...); err == nil && !seen[c.Tenant] {
			seen[c.Tenant] = true
			missing = append(missing, c.Tenant)
		}
	}
	return missing
}

func printVerdicts(c *call, verdicts []audit.Verdict, format string) error {
	bad := 0
	for _, v := range verdicts {
		if !v.OK() {
			bad++
		}
	}
	if format == "json" {
		if err := printJSON(c.stdout, map[string]any{"logs": verdicts, "ok": bad == 0}); err != nil {
			return err
		}
	} else {
		for _, v := range verdicts {
			printVerdict(c.stdout, v)
		}
	}
	if bad > 0 {
		return findings(fmt.Sprintf("%d of %d logs are not what was sealed", bad, len(verdicts)))
	}
	return nil
}

func printVerdict(w io.Writer, v audit.Verdict) {
	name := v.Tenant.String()
	if v.Tenant == audit.Platform {
		name = "platform"
	}
	state := "verified"
	if !v.OK() {
		state = "NOT VERIFIED"
	}
	fmt.Fprintf(w, "%s: %s: %d events, %d pruned, %d redacted, %d not sealed yet, %d checkpoints\n",
		name, state, v.Size, v.Pruned, v.Redacted, v.Unsealed, v.Checkpoints)
	for _, p := range v.Problems {
		fmt.Fprintf(w, "  %s: %s\n", p.Kind, p.Detail)
	}
}

func auditProve() *command {
	return &command{
		name: "audit prove", summary: "prove that one event is in a log", usage: "[URL] --tenant ID --event ID",
		help: `prove prints a proof of some hundred bytes: the event, the hashes that lead from it to
the signed root, and the checkpoint. watertight audit verify PROOF.json checks it with
the public key and nothing else.`,
		example: "  watertight audit prove --tenant 6f1e2b0c-539a-4d10-8e77-0a1b2c3d4e5f --event 4711 > proof.json",
		run: func(ctx context.Context, c *call) error {
			fs := c.flagSet()
			var tenant tenantFlag
			fs.Var(&tenant, "tenant", "`ID` of the tenant, or platform")
			event := fs.String("event", "", "`ID` of the event")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			id, err := strconv.ParseInt(*event, 10, 64)
			if err != nil || !tenant.set {
				return usageError{"a tenant and an event's number are needed (--tenant ID --event ID)"}
			}
			db, err := c.auditDB(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			p, err := audit.Prove(ctx, db, tenant.id, id)
			if err != nil {
				return err
			}
			return printJSON(c.stdout, p)
		},
	}
}

func verifyProof(c *call, name string, f verifyFlags) error {
	b, err := os.ReadFile(name)
	var p audit.Proof
	if err != nil || json.Unmarshal(b, &p) != nil {
		return fmt.Errorf("%s is no proof (make one with watertight audit prove)", name)
	}
	cp, err := p.Check(f.keys...)
	if err != nil {
		return findings(err.Error())
	}
	fmt.Fprintf(c.stdout, "event %d is number %d of the %d events that %s has sealed for %s\n", p.Event.ID, p.Index+1, cp.Size, cp.Log, cp.Tenant)
	return nil
}
