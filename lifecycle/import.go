package lifecycle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// ImportConfig of [DB.Import].
type ImportConfig struct {
	// Identities open an encrypted bundle.
	Identities []age.Identity

	// Digest is that of the manifest, as the exporter was told. Defaults to not
	// being compared: then the bundle is taken on its own word.
	Digest string

	// Ring wraps the tenant's data keys for this database: its first KEK is the
	// one used here, the others open what the source wrapped. Defaults to
	// leaving them as they are, for a database with the same KEK.
	Ring *crypto.Ring

	// AfterErasure permits to bring back a tenant that the ledger says was
	// erased. Defaults to refusing it with [ErrErased].
	AfterErasure bool

	// Progress, if not nil, is called now and then, from the same goroutine.
	Progress func(Progress)
}

// ConflictError says why a bundle cannot be imported here. Nothing was written.
type ConflictError struct {
	Rows   []string // tables that have rows of the tenant
	Schema []string // differences between the bundle's tables and those here
}

func (e *ConflictError) Error() string {
	var why []string
	if len(e.Rows) > 0 {
		why = append(why, "the tenant has rows here already, in "+strings.Join(e.Rows, ", ")+" (erase it first)")
	}
	if len(e.Schema) > 0 {
		why = append(why, "the tables are others than those of the source: "+strings.Join(e.Schema, "; ")+" (migrate both to the same version)")
	}
	return "nothing was imported: " + strings.Join(why, "; ")
}

// Import puts a whole tenant back from a bundle, in one transaction: until it
// commits nothing of it can be seen, and if it ends before, nothing was there.
// Ids stay what they were. Rows of other tenants are out of its reach.
//
// The bundle is read once and compared with its manifest before anything is
// written; what then was written is read back and compared again. A bundle that
// was changed is [ErrBundle]. Everything that stands in the way is reported
// together, as a [*ConflictError]. The tenant's log begins anew, with the old
// one kept beside it as a document that still verifies; the import itself is
// one event in the platform's log.
func (db *DB) Import(ctx context.Context, a tenancy.Actor, src io.ReadSeeker, cfg ImportConfig) (Manifest, error) {
	b, err := openBundle(src, cfg.Identities)
	if err != nil {
		return Manifest{}, err
	}
	if cfg.Digest != "" && !strings.EqualFold(cfg.Digest, b.digest) {
		return Manifest{}, bundleError("its manifest has another digest than the one given")
	}
	t, err := tenancy.ParseID(b.manifest.Tenant)
	if err != nil {
		return Manifest{}, bundleError("it names no tenant")
	}
	if b.manifest.Files != nil && b.manifest.Files.Count > 0 && db.files == nil {
		return Manifest{}, errors.New("the bundle has files and there is no store for them (set Config.Files)")
	}
	im := &importer{db: db, bundle: b, tenant: t, cfg: cfg}
	err = db.write(ctx, a, t, im.run)
	if err != nil && im.files && !errors.Is(err, errFault) {
		// No row speaks of them; what a crash leaves is deleted before the next try.
		err = errors.Join(err, db.files.DeleteAll(context.WithoutCancel(ctx), t))
	}
	return b.manifest, err
}

type importer struct {
	db     *DB
	bundle *bundle
	tenant tenancy.ID
	cfg    ImportConfig
	tables []*table
	at     Progress
	files  bool // some may have been written
}

func (im *importer) tell(step string) {
	im.at.Step = step
	if im.cfg.Progress != nil {
		im.cfg.Progress(im.at)
	}
}

func (im *importer) run(ctx context.Context, c *tenancy.Conn) error {
	var err error
	if im.tables, err = readTables(ctx, c); err != nil {
		return err
	}
	if err := im.conflicts(ctx, c); err != nil {
		return err
	}
	if err := im.notErased(ctx, c); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "select watertight.lifecycle_defer()"); err != nil {
		return fmt.Errorf("let foreign keys wait: %w", err)
	}
	if err := im.write(ctx, c); err != nil {
		return err
	}
	if err := im.count(ctx, c); err != nil {
		return err
	}
	if err := im.verify(ctx, c); err != nil {
		return err
	}
	if err := rewrap(ctx, c, im.tenant, im.cfg.Ring); err != nil {
		return err
	}
	err = note(ctx, c, "watertight.imported", map[string]any{"manifest_sha256": im.bundle.digest, "rows": im.at.Rows}, false)
	if err != nil {
		return err
	}
	return im.db.step("import commit")
}

// target returns the table here that a bundle's table goes into.
func (im *importer) target(name string) *table {
	i := slices.IndexFunc(im.tables, func(t *table) bool { return t.Name() == name && t.exported() })
	if i < 0 {
		return nil
	}
	return im.tables[i]
}

func (im *importer) conflicts(ctx context.Context, c *tenancy.Conn) error {
	e := &ConflictError{Schema: schemaDifferences(&im.bundle.manifest, im.tables)}
	for _, t := range im.tables {
		var has bool
		err := c.QueryRow(ctx, fmt.Sprintf("select exists (select from %s where %s = $1)", t.quoted(), quote(t.tenant)), im.tenant).Scan(&has)
		if err != nil {
			return fmt.Errorf("look for rows in %s: %w", t.Name(), err)
		}
		if has {
			e.Rows = append(e.Rows, t.Name())
		}
	}
	if len(e.Rows) > 0 || len(e.Schema) > 0 {
		return e
	}
	return nil
}

func schemaDifferences(m *Manifest, here []*table) []string {
	var diff []string
	known := map[string]bool{}
	for _, s := range m.Tables {
		known[s.Name] = true
		i := slices.IndexFunc(here, func(t *table) bool { return t.Name() == s.Name && t.exported() })
		switch {
		case i < 0:
			diff = append(diff, s.Name+" is not here")
		case !slices.Equal(here[i].columns, s.Columns) || !slices.Equal(here[i].types, s.Types):
			diff = append(diff, s.Name+" has other columns")
		}
	}
	for _, t := range here {
		if t.exported() && !known[t.Name()] {
			diff = append(diff, t.Name()+" is not in the bundle")
		}
	}
	return diff
}

// write puts everything in, in the order of the bundle, and then the columns
// that had to wait for rows further down.
func (im *importer) write(ctx context.Context, c *tenancy.Conn) error {
	late := map[string]bool{}
	part := map[string]int{}
	sums, err := im.bundle.read(func(e *entry, r io.Reader) error {
		if e.file != nil {
			return im.file(ctx, *e.file, r)
		}
		i := im.bundle.manifest.tableOf(e.section)
		if i < 0 {
			part[e.section]++
			return im.log(ctx, c, e.section, part[e.section], r)
		}
		name := im.bundle.manifest.Tables[i].Name
		if part[e.section]++; part[e.section] == 1 {
			if err := im.db.step("import " + name); err != nil {
				return err
			}
		}
		in := newInserter(im.target(name), im.tables, im.tenant)
		late[e.section] = len(in.late) > 0
		send := func(ctx context.Context) error { return in.insert(ctx, c) }
		if err := in.lines(ctx, r, in.add, send); err != nil {
			return err
		}
		if err := send(ctx); err != nil {
			return err
		}
		im.at.Rows += in.total
		im.tell(name)
		return nil
	})
	if err != nil {
		return err
	}
	if err := sums.same(&im.bundle.manifest, im.bundle.digest); err != nil {
		return err
	}
	return im.fill(ctx, c, late)
}

func (im *importer) fill(ctx context.Context, c *tenancy.Conn, late map[string]bool) error {
	any := false
	for _, is := range late {
		any = any || is
	}
	if !any {
		return nil
	}
	_, err := im.bundle.read(func(e *entry, r io.Reader) error {
		if e.file != nil || !late[e.section] {
			return nil
		}
		in := newInserter(im.target(im.bundle.manifest.Tables[im.bundle.manifest.tableOf(e.section)].Name), im.tables, im.tenant)
		send := func(ctx context.Context) error { return in.fill(ctx, c) }
		if err := in.lines(ctx, r, in.addLate, send); err != nil {
			return err
		}
		return send(ctx)
	})
	return err
}

// file stores a file. The first one clears what a try that crashed has left:
// there are no rows of the tenant, so no file of it is in use.
func (im *importer) file(ctx context.Context, f File, r io.Reader) error {
	if !im.files {
		if err := im.db.step("import files"); err != nil {
			return err
		}
		if err := im.db.files.DeleteAll(ctx, im.tenant); err != nil {
			return fmt.Errorf("clear the store of the tenant's files: %w", err)
		}
		im.files = true
	}
	if err := im.db.files.Create(ctx, im.tenant, f, r); err != nil {
		return fmt.Errorf("store a file: %w", err)
	}
	im.at.Bytes += f.Size
	im.tell("files")
	return nil
}

func (im *importer) log(ctx context.Context, c *tenancy.Conn, section string, part int, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, 2*partSize))
	if err != nil {
		return bundleError("an audit log is damaged")
	}
	no := slices.IndexFunc(im.bundle.manifest.Logs, func(Sum) bool { return false })
	for i := range im.bundle.manifest.Logs {
		if logSection(i+1) == section {
			no = i + 1
		}
	}
	if no < 0 {
		return bundleError("it holds a log that the manifest does not name")
	}
	_, err = c.Exec(ctx, "insert into watertight.kept_logs (tenant_id, log_no, part_no, data) values ($1, $2, $3, $4)", im.tenant, no, part, data)
	if err != nil {
		return fmt.Errorf("keep the audit log of the source: %w", err)
	}
	return nil
}

// sequenceSlack is by how much a sequence is moved past the greatest number
// that was put back. setval is part of no transaction, and a nextval of another
// session at this very moment must not be undone by it.
const sequenceSlack = 1000

// count moves the sequences past the numbers that were put back.
func (im *importer) count(ctx context.Context, c *tenancy.Conn) error {
	for _, t := range im.tables {
		for i, seq := range t.sequences {
			if !t.exported() {
				continue
			}
			_, err := c.Exec(ctx, fmt.Sprintf("select setval($1::text::regclass, m + %d) from (select max(%s) as m from %s where %s = $2) x where m >= (select last_value from %s)",
				sequenceSlack, quote(t.counted[i]), t.quoted(), quote(t.tenant), seq), seq, im.tenant)
			if err != nil {
				return fmt.Errorf("move the sequence of %s: %w", t.Name(), err)
			}
		}
	}
	return nil
}

// verify reads back what was written and compares it with the manifest: a
// trigger, a rule or a default of the table may have changed it.
func (im *importer) verify(ctx context.Context, c *tenancy.Conn) error {
	for _, s := range im.bundle.manifest.Tables {
		im.tell("verify " + s.Name)
		got, err := im.target(s.Name).digest(ctx, c, im.tenant)
		if err != nil {
			return fmt.Errorf("read %s back: %w", s.Name, err)
		}
		if got != s.SHA256 {
			return fmt.Errorf("the rows of %s were changed on their way in (let its triggers rest: when (not watertight.restoring()))", s.Name)
		}
	}
	return nil
}

// digest is the SHA-256 of a tenant's rows as an export writes them.
func (t *table) digest(ctx context.Context, c *tenancy.Conn, tenant tenancy.ID) (string, error) {
	keys, err := rowKeys(t.columns)
	if err != nil {
		return "", err
	}
	rows, err := c.Query(ctx, t.selectRows(""), tenant)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	h := sha256.New()
	var line []byte
	for rows.Next() {
		if line, err = appendRow(line[:0], keys, rows.RawValues()); err != nil {
			return "", err
		}
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil)), rows.Err()
}

// ErrErased: the ledger says that the tenant was erased from this database.
var ErrErased = errors.New("the tenant was erased here on request (bring it back only if its owner wants that, with AfterErasure)")

func (im *importer) notErased(ctx context.Context, c *tenancy.Conn) error {
	var erased bool
	err := c.QueryRow(ctx, "select exists (select from watertight.erasure where tenant = $1 and state in ('running', 'done') and purpose = 'erase')", im.tenant).Scan(&erased)
	if err != nil {
		return fmt.Errorf("look into the ledger of erasures: %w", err)
	}
	if erased && !im.cfg.AfterErasure {
		return fmt.Errorf("%w: %s", ErrErased, im.tenant)
	}
	return nil
}
