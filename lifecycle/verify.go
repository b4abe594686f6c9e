package lifecycle

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/tenancy"
)

// VerifyErasedConfig of [VerifyErased].
type VerifyErasedConfig struct {
	// Files is the store to look into. Defaults to none, which the verdict says.
	Files Files

	// Also are further texts that must not be left, such as the customer's name
	// or domain. Their case does not matter.
	Also []string

	// Progress, if not nil, is called before each table.
	Progress func(Progress)
}

// Remains is what [VerifyErased] found.
type Remains struct {
	Found     []Trace  `json:"found"`      // what should not be there
	NotLooked []string `json:"not_looked"` // where this role could not look
	Kept      []Kept   `json:"kept"`       // what is left on purpose, or outside the database
	Tables    int      `json:"tables"`     // how many were searched
}

// OK reports whether everything was searched and nothing was found.
func (r Remains) OK() bool { return len(r.Found) == 0 && len(r.NotLooked) == 0 }

// Trace is a place that still holds the tenant, and how many rows there do.
type Trace struct {
	Where  string `json:"where"`
	Count  int64  `json:"count"`
	Remedy string `json:"remedy"`
}

// Kept is what an erasure leaves, and until when.
type Kept struct {
	What  string     `json:"what"`
	Why   string     `json:"why"`
	Until *time.Time `json:"until,omitempty"`
}

// keptTables hold the ids of erased tenants on purpose.
var keptTables = map[string]string{
	"watertight.erasure":   "the ledger has the tenant's id, to erase it again after a restore",
	"watertight.placement": "the directory of placements has the id of a tenant that moved",
}

// VerifyErased searches every table of the database, whoever made it, for the
// tenant's id in any column, also inside JSON, arrays and bytes; and large
// objects, statistics, prepared transactions and the file store. It says what
// is kept on purpose and what backups hold until when. It writes nothing.
//
// The connection is that of a superuser, or of a role with BYPASSRLS that may
// read everything: one that policies hide rows from is an error.
func VerifyErased(ctx context.Context, db interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}, t tenancy.ID, cfg VerifyErasedConfig,
) (Remains, error) {
	if t.IsZero() {
		return Remains{}, tenancy.ErrNoTenant
	}
	v := &verifier{tenant: t, cfg: cfg, needles: needles(t, cfg.Also)}
	err := pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return v.run(ctx, tx)
	})
	if err != nil {
		return Remains{}, fmt.Errorf("search the database: %w", err)
	}
	if err := v.files(ctx); err != nil {
		return Remains{}, err
	}
	return v.out, nil
}

// needles are the forms in which the tenant may be written down, in lower case,
// as rows are searched: as text, and in the hex of a bytea.
func needles(t tenancy.ID, also []string) []string {
	id := t.String()
	list := []string{id, strings.ReplaceAll(id, "-", ""), hex.EncodeToString([]byte(id))}
	for _, a := range also {
		if a != "" {
			list = append(list, strings.ToLower(a), hex.EncodeToString([]byte(a)))
		}
	}
	return list
}

type verifier struct {
	tenant  tenancy.ID
	cfg     VerifyErasedConfig
	needles []string
	out     Remains
}

var (
	//go:embed sql/searched.sql
	sqlSearched string
	//go:embed sql/objects.sql
	sqlObjects string
	//go:embed sql/statistics.sql
	sqlStatistics string
	//go:embed sql/elsewhere.sql
	sqlElsewhere string
)

func (v *verifier) run(ctx context.Context, tx pgx.Tx) error {
	var bypass bool
	err := tx.QueryRow(ctx, "select rolsuper or rolbypassrls from pg_catalog.pg_roles where rolname = current_user").Scan(&bypass)
	if err != nil {
		return err
	}
	if !bypass {
		return errors.New("policies hide rows from this role (connect as a superuser or a role with BYPASSRLS)")
	}
	if err := v.tables(ctx, tx); err != nil {
		return err
	}
	err = v.optional(ctx, tx, "large objects", sqlObjects, "select lo_unlink(loid) for each")
	if err != nil {
		return err
	}
	err = v.optional(ctx, tx, "statistics of the planner", sqlStatistics, "analyze the tables")
	if err != nil {
		return err
	}
	return v.elsewhere(ctx, tx)
}

// tables searches the text of every row, and with it every column.
func (v *verifier) tables(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, sqlSearched)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Schema, Name, Kind string }])
	if err != nil {
		return err
	}
	for _, x := range list {
		name := x.Schema + "." + x.Name
		if v.cfg.Progress != nil {
			v.cfg.Progress(Progress{Step: name})
		}
		if x.Kind == "f" {
			v.out.NotLooked = append(v.out.NotLooked, name+": a foreign table, whose rows are in another database")
			continue
		}
		where := ""
		if name == "watertight.audit_event" {
			// The platform's log says that the tenant was erased, and by whom.
			where = " and not (r.tenant_id = '00000000-0000-0000-0000-000000000000' and r.entity = 'tenant')"
		}
		err := v.count(ctx, tx, name, fmt.Sprintf("select count(*) from %s r where exists (select from unnest($1::text[]) n where position(n in lower(r::text)) > 0)%s",
			pgx.Identifier{x.Schema, x.Name}.Sanitize(), where), "delete the rows, or protect the table so that an erasure knows it")
		if err != nil {
			return err
		}
		v.out.Tables++
	}
	return nil
}

func (v *verifier) count(ctx context.Context, tx pgx.Tx, where, sql, remedy string) error {
	var n int64
	if err := tx.QueryRow(ctx, sql, v.needles).Scan(&n); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if n == 0 {
		return nil
	}
	if why, ok := keptTables[where]; ok {
		v.out.Kept = append(v.out.Kept, Kept{What: where, Why: why})
		return nil
	}
	v.out.Found = append(v.out.Found, Trace{where, n, remedy})
	return nil
}

// optional searches what only a superuser sees; another role says that it did
// not look.
func (v *verifier) optional(ctx context.Context, tx pgx.Tx, where, sql, remedy string) error {
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { // a savepoint
		return v.count(ctx, tx, where, sql, remedy)
	})
	var denied *pgconn.PgError
	if errors.As(err, &denied) && denied.Code == "42501" {
		v.out.NotLooked = append(v.out.NotLooked, where+": only a superuser may read them")
		return nil
	}
	return err
}

// elsewhere lists what is outside the tables: backups, and copies that the
// server itself keeps.
func (v *verifier) elsewhere(ctx context.Context, tx pgx.Tx) error {
	var (
		until           *time.Time
		prepared, slots int
	)
	if err := tx.QueryRow(ctx, sqlElsewhere, v.tenant).Scan(&until, &prepared, &slots); err != nil {
		return err
	}
	v.out.Kept = append(v.out.Kept,
		Kept{"the platform's audit log", "events that name the tenant's id: who closed and erased it, and the final root of its log", nil},
		Kept{"backups and archived write-ahead log", "made before the erasure; replay the ledger after a restore from one", until},
		Kept{"the data files of the server", "deleted rows are overwritten when the tables are vacuumed", nil})
	if prepared > 0 {
		v.out.NotLooked = append(v.out.NotLooked, fmt.Sprintf("%d prepared transactions, whose rows nobody sees until they end", prepared))
	}
	if slots > 0 {
		v.out.Kept = append(v.out.Kept, Kept{fmt.Sprintf("%d replication slots", slots), "subscribers and standbys hold copies of their own: erase there, or wait until they have caught up", nil})
	}
	return nil
}

func (v *verifier) files(ctx context.Context) error {
	if v.cfg.Files == nil {
		v.out.Kept = append(v.out.Kept, Kept{"files", "no store was given to look into", nil})
		return nil
	}
	var n int64
	for _, err := range v.cfg.Files.List(ctx, v.tenant) {
		if err != nil {
			return fmt.Errorf("list the files: %w", err)
		}
		n++
	}
	if n > 0 {
		v.out.Found = append(v.out.Found, Trace{"files", n, "run the erasure with the store of the files"})
	}
	return nil
}
