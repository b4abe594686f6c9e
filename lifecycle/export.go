package lifecycle

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

var (
	//go:embed sql/logs.sql
	sqlLogs string
	//go:embed sql/keptlog.sql
	sqlKeptLog string
)

// Progress is where a long run is.
type Progress struct {
	Step  string // a table, "files", "audit log"
	Rows  int64  // of all tables so far
	Bytes int64  // of all sections so far
}

// progressEvery is how many rows lie between two calls.
const progressEvery = 10_000

// ExportConfig of [DB.Export]. The zero value exports everything, in the clear.
type ExportConfig struct {
	// Recipients can read the bundle, and nobody else (age, X25519 or another
	// of its kinds). Defaults to none: a bundle in the clear.
	Recipients []age.Recipient

	// Progress, if not nil, is called now and then, from the same goroutine.
	Progress func(Progress)
}

// Exported is what [DB.Export] made.
type Exported struct {
	Manifest Manifest
	// Digest is the SHA-256 of the manifest, in hex. It stands in the platform's
	// log too: whoever imports compares it, and so knows that nobody made the
	// bundle anew.
	Digest string
}

// Export writes one tenant as one bundle, as of one moment: rows, files and
// audit log. What others write meanwhile is not in it. The memory it needs does
// not grow with the tenant. An event in the platform's log tells that a copy is
// being taken before any of it is read, and one in the tenant's own log that it
// was.
//
// A table that may hold rows of tenants and is not protected is an
// [*UnknownTablesError]. A tenant that does not exist is [ErrNoSuchTenant].
func (db *DB) Export(ctx context.Context, a tenancy.Actor, t tenancy.ID, w io.Writer, cfg ExportConfig) (Exported, error) {
	err := db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		return note(ctx, c, "watertight.exporting", map[string]any{"encrypted": len(cfg.Recipients) > 0}, false)
	})
	if err != nil {
		return Exported{}, err
	}
	out, err := db.export(ctx, a, t, w, cfg)
	if err != nil {
		return Exported{}, err
	}
	err = db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		details := map[string]any{"manifest_sha256": out.Digest}
		return errors.Join(note(ctx, c, "watertight.exported", details, false), note(ctx, c, "watertight.exported", details, true))
	})
	return out, err
}

// export is Export without its events.
func (db *DB) export(ctx context.Context, a tenancy.Actor, t tenancy.ID, w io.Writer, cfg ExportConfig) (Exported, error) {
	out := w
	var sealed io.WriteCloser
	if len(cfg.Recipients) > 0 {
		var err error
		if sealed, err = age.Encrypt(w, cfg.Recipients...); err != nil {
			return Exported{}, fmt.Errorf("encrypt the bundle: %w", err)
		}
		out = sealed
	}
	e := &exporter{db: db, tenant: t, tar: tar.NewWriter(out), progress: cfg.Progress}
	e.manifest = Manifest{Format: Format, Tenant: t.String()}
	err := db.read(ctx, a, t, e.run)
	if err != nil {
		return Exported{}, err
	}
	digest, err := e.finish()
	if err == nil && sealed != nil {
		err = sealed.Close()
	}
	return Exported{e.manifest, digest}, err
}

type exporter struct {
	db       *DB
	tenant   tenancy.ID
	tar      *tar.Writer
	manifest Manifest
	progress func(Progress)
	at       Progress
}

func (e *exporter) tell(step string) {
	e.at.Step = step
	if e.progress != nil {
		e.progress(e.at)
	}
}

// run writes everything but the manifest, in one snapshot.
func (e *exporter) run(ctx context.Context, c *tenancy.Conn) error {
	tables, err := readTables(ctx, c)
	if err != nil {
		return err
	}
	if err := mustExist(ctx, c, e.tenant); err != nil {
		return err
	}
	e.manifest.Schema = schemaDigest(tables)
	for _, t := range tables {
		if t.excluded != "" {
			e.manifest.Excluded = append(e.manifest.Excluded, Excluded{t.Name(), t.excluded})
		}
	}
	for _, t := range tables {
		if !t.exported() {
			continue
		}
		if err := e.db.step("export " + t.Name()); err != nil {
			return err
		}
		if err := e.table(ctx, c, t); err != nil {
			return fmt.Errorf("export %s: %w", t.Name(), err)
		}
	}
	if err := e.logs(ctx, c); err != nil {
		return err
	}
	return e.files(ctx)
}

func mustExist(ctx context.Context, c *tenancy.Conn, t tenancy.ID) error {
	var n int
	if err := c.QueryRow(ctx, "select count(*) from watertight.tenants where id = $1", t).Scan(&n); err != nil {
		return fmt.Errorf("look up the tenant: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("%w: %s", ErrNoSuchTenant, t)
	}
	return nil
}

// ErrNoSuchTenant: this database has no such tenant.
var ErrNoSuchTenant = errors.New("there is no such tenant here (watertight tenant list shows them)")

// selectRows reads a table's rows as text, in the order of its primary key.
// Both locks hold: the WHERE clause, and the policy of the role.
func (t *table) selectRows(where string) string {
	var list, order []byte
	for i, c := range t.columns {
		if i > 0 {
			list = append(list, ", "...)
		}
		// concat() calls the type's own output function; a cast to text would
		// trim char(n) and write a boolean as a word.
		list = fmt.Appendf(list, "case when t.%s is not distinct from null then null else concat(t.%s) end", quote(c), quote(c))
	}
	for i, c := range t.key {
		if i > 0 {
			order = append(order, ", "...)
		}
		order = fmt.Appendf(order, "t.%s", quote(c))
		if slices.Contains(t.collatable, c) {
			order = append(order, ` collate "C"`...) // the same on every server
		}
	}
	return fmt.Sprintf("select %s from %s t where t.%s = $1%s order by %s", list, t.quoted(), quote(t.tenant), where, order)
}

func (e *exporter) table(ctx context.Context, c *tenancy.Conn, t *table) error {
	keys, err := rowKeys(t.columns)
	if err != nil {
		return err
	}
	e.tell(t.Name())
	s := newSection(e.tar, tableSection(len(e.manifest.Tables), t.Name()))
	rows, err := c.Query(ctx, t.selectRows(""), e.tenant)
	if err != nil {
		return err
	}
	defer rows.Close()
	sum := TableSum{Name: t.Name(), Columns: t.columns, Types: t.types}
	for rows.Next() {
		if s.buf, err = appendRow(s.buf, keys, rows.RawValues()); err != nil {
			return err
		}
		sum.Rows++
		if e.at.Rows++; e.at.Rows%progressEvery == 0 {
			e.tell(t.Name())
		}
		if err := s.endLine(); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if sum.Sum, err = s.close(); err != nil {
		return err
	}
	e.at.Bytes += sum.Bytes
	e.manifest.Tables = append(e.manifest.Tables, sum)
	return nil
}

// logs writes the logs that the tenant came with, and then its own.
func (e *exporter) logs(ctx context.Context, c *tenancy.Conn) error {
	var own bool
	var kept int
	if err := c.QueryRow(ctx, sqlLogs, e.tenant).Scan(&own, &kept); err != nil {
		return fmt.Errorf("look for audit logs: %w", err)
	}
	e.tell("audit log")
	for no := 1; no <= kept; no++ {
		err := e.log(no, func(w io.Writer) error {
			rows, err := c.Query(ctx, sqlKeptLog, e.tenant, no)
			if err != nil {
				return err
			}
			var part []byte
			_, err = pgx.ForEachRow(rows, []any{&part}, func() error {
				_, err := w.Write(part)
				return err
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	if !own {
		return nil
	}
	return e.log(kept+1, func(w io.Writer) error {
		return audit.Archive(ctx, c, e.tenant.UUID(), w)
	})
}

func (e *exporter) log(no int, write func(io.Writer) error) error {
	s := newSection(e.tar, logSection(no))
	if err := write(s); err != nil {
		return fmt.Errorf("export audit log %d: %w", no, err)
	}
	sum, err := s.close()
	if err != nil {
		return err
	}
	e.at.Bytes += sum.Bytes
	e.manifest.Logs = append(e.manifest.Logs, sum)
	return nil
}

func (e *exporter) files(ctx context.Context) error {
	if e.db.files == nil {
		return nil
	}
	if err := e.db.step("export files"); err != nil {
		return err
	}
	all := sha256.New()
	sum := &FilesSum{}
	for f, err := range e.db.files.List(ctx, e.tenant) {
		if err != nil {
			return fmt.Errorf("list the files: %w", err)
		}
		digest, err := e.file(ctx, sum.Count+1, f)
		if err != nil {
			return err
		}
		io.WriteString(all, fileLine(f, digest))
		sum.Count++
		sum.Bytes += f.Size
		e.at.Bytes += f.Size
		e.tell("files")
	}
	sum.SHA256 = hex.EncodeToString(all.Sum(nil))
	e.manifest.Files = sum
	return nil
}

func (e *exporter) file(ctx context.Context, n int64, f File) (sum [sha256.Size]byte, err error) {
	r, err := e.db.files.Open(ctx, e.tenant, f.Key)
	if err != nil {
		return sum, fmt.Errorf("open a file: %w", err)
	}
	defer r.Close()
	return writeFile(e.tar, n, f, r)
}

// finish writes the manifest, which makes the bundle a whole one.
func (e *exporter) finish() (string, error) {
	text, err := json.MarshalIndent(e.manifest, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode the manifest: %w", err)
	}
	text = append(text, '\n')
	if err := writeEntry(e.tar, manifestName, text); err != nil {
		return "", err
	}
	if err := e.tar.Close(); err != nil {
		return "", fmt.Errorf("write the bundle: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
