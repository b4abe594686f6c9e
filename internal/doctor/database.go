package doctor

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/inspect"
	"github.com/watertight-go/watertight/schema"
	"github.com/watertight-go/watertight/tenancy"
)

var (
	//go:embed server.sql
	sqlServer string
	//go:embed migrations.sql
	sqlMigrations string
	//go:embed limitations.sql
	sqlLimitations string
)

// oldestServer is the first version that is supported, as server_version_num.
const oldestServer = 150000

// Differences between the clocks that are told of. A context lives 60 seconds.
const (
	clockWarning = 5 * time.Second
	clockError   = 30 * time.Second
)

// Database is the application's database, and what the application has to use
// it with.
type Database struct {
	URL        string
	ContextKey string // as tenancy.ContextKey.Encode writes it
	Inspect    inspect.Config

	// Now is the clock of this machine. Defaults to time.Now.
	Now func() time.Time
}

// server is what server.sql says.
type server struct {
	Version         int
	PID             uint32
	Clock           float64
	Role            string
	Installed       bool
	TellsMigrations bool
}

// database is one look at it.
type database struct {
	Database
	conn     *pgx.Conn
	server   server
	key      tenancy.ContextKey
	findings []Finding
}

// CheckDatabase looks at a database as the application meets it: with its role,
// by its address. It reads only.
func CheckDatabase(ctx context.Context, cfg Database) []Finding {
	d := &database{Database: cfg}
	if d.Now == nil {
		d.Now = time.Now
	}
	d.readKey()
	if !d.connect(ctx) {
		return d.findings
	}
	defer func() { _ = d.conn.Close(context.WithoutCancel(ctx)) }()
	if err := d.readServer(ctx); err != nil {
		d.add(nothingProved.found("", "the server's settings could not be read: "+plainly(err), "connect as the application's role"))
		return d.findings
	}
	d.judgeServer()
	if d.server.Version < oldestServer {
		return d.findings
	}
	d.judgeMigrations(ctx)
	if d.judgeOpen(ctx) {
		d.judgeCatalogue(ctx)
	}
	return d.findings
}

func (d *database) add(f Finding) { d.findings = append(d.findings, f) }

// readKey reads the context key. Where there is none, the role and the schema
// can be judged with any.
func (d *database) readKey() {
	key, err := tenancy.ParseContextKey(d.ContextKey)
	switch {
	case d.ContextKey == "":
		d.add(noKey.found("WATERTIGHT_CONTEXT_KEY", "the context key is not set", "export WATERTIGHT_CONTEXT_KEY=… from the secret store; schema.AddKey gives a new one to the database"))
	case err != nil:
		d.add(noKey.foundIn("WATERTIGHT_CONTEXT_KEY", err.Error(), ""))
	default:
		d.key = key
		return
	}
	d.key, _ = tenancy.NewContextKey()
}

// connect connects, and judges the address and the way.
func (d *database) connect(ctx context.Context) bool {
	pc, err := pgx.ParseConfig(d.URL)
	if err != nil {
		d.add(address.found("DATABASE_URL", "the database URL cannot be read", "write postgres://USER@HOST:5432/DATABASE"))
		return false
	}
	d.judgeEncryption(pc)
	if pc.ConnectTimeout == 0 {
		pc.ConnectTimeout = 10 * time.Second
	}
	// Behind a pooler the next statement may meet another backend.
	pc.DefaultQueryExecMode = pgx.QueryExecModeExec
	if d.conn, err = pgx.ConnectConfig(ctx, pc); err != nil {
		message, fix := whyUnreachable(err)
		d.add(unreachable.found("DATABASE_URL", message, fix))
		return false
	}
	return true
}

func (d *database) judgeEncryption(pc *pgx.ConnConfig) {
	type way struct {
		host      string
		encrypted bool
		verified  bool
	}
	ways := []way{{pc.Host, pc.TLSConfig != nil, pc.TLSConfig != nil && !pc.TLSConfig.InsecureSkipVerify}}
	for _, f := range pc.Fallbacks {
		ways = append(ways, way{f.Host, f.TLSConfig != nil, f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify})
	}
	ways = slices.DeleteFunc(ways, func(w way) bool { return isLocal(w.host) })
	const fix = "add sslmode=verify-full to the URL, and sslrootcert=FILE where the authority is the provider's own"
	if slices.ContainsFunc(ways, func(w way) bool { return !w.encrypted }) {
		d.add(plaintext.found("DATABASE_URL", "the connection to another machine may go unencrypted", fix))
	} else if slices.ContainsFunc(ways, func(w way) bool { return !w.verified }) {
		d.add(unverified.found("DATABASE_URL", "the connection is encrypted towards whoever answers", fix))
	}
}

func isLocal(host string) bool {
	if host == "" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// whyUnreachable says why without the names of the host, the user and the
// database, which pgx's own text has.
func whyUnreachable(err error) (message, fix string) {
	var (
		pg    *pgconn.PgError
		names *net.DNSError
		op    *net.OpError
	)
	switch {
	case errors.As(err, &pg):
		switch pg.Code {
		case "28P01", "28000":
			return "the server refuses the role or its password", "set the password (alter role … password '…'), or correct the URL"
		case "3D000":
			return "there is no such database on the server", "createdb, or correct the name in the URL"
		case "42501":
			return "the role may not connect to the database", "let it connect to the database; watertight migrate does so for watertight_app"
		case "53300":
			return "the server has no connection left", "end idle sessions, or put fewer connections into the pools"
		case "57P03":
			return "the server is starting or shutting down", "try again in a moment"
		}
		return "the server refuses the connection (SQLSTATE " + pg.Code + ")", "look into the server's log"
	case errors.As(err, &names):
		return "the name of the host is not known", "correct the host in the URL, or the resolver of this machine"
	case errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err):
		return "the server does not answer", "check the address, the firewall, and that the server listens there (listen_addresses)"
	case errors.As(err, &op) && op.Op == "dial":
		return "nothing listens at the address", "start the server, or correct host and port in the URL"
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		return "the encrypted connection could not be made", "give the provider's certificate by sslrootcert=FILE, and connect by the name that stands in it"
	}
	return "the connection could not be made", "check the address and that the server runs"
}

// readServer takes the facts and compares the clocks.
func (d *database) readServer(ctx context.Context) error {
	before := d.Now()
	err := d.read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlServer)
		if err != nil {
			return err
		}
		d.server, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[server])
		return err
	})
	if err != nil {
		return err
	}
	after := d.Now()
	there := time.Unix(0, int64(d.server.Clock*float64(time.Second)))
	// How long the way there and back took is not known apart.
	off := max(before.Sub(there), there.Sub(after), 0)
	if off < clockWarning {
		return nil
	}
	f := clockOff.found("", fmt.Sprintf("the clocks of this machine and of the server differ by %s", off.Round(time.Second)), "let NTP keep both (timedatectl set-ntp true)")
	if off < clockError {
		f.Severity = Warning
	}
	d.add(f)
	return nil
}

// read runs fn in a transaction that cannot write.
func (d *database) read(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, d.conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, fn)
}

func (d *database) judgeServer() {
	s := d.server
	if s.Version < oldestServer {
		d.add(oldServer.found("", fmt.Sprintf("the server is PostgreSQL %d", s.Version/10000), "upgrade to PostgreSQL 15 or newer"))
	}
	if d.pooled() {
		d.add(pooler.found("DATABASE_URL", "the server process is not the one that answered the connection", "connect directly, or use session mode, or set Config.Binding to tenancy.BindTransaction or BindNone"))
	}
}

func (d *database) pooled() bool { return d.server.PID != d.conn.PgConn().PID() }

// judgeMigrations compares the database's migrations with this program's. A
// database that cannot tell them is older than the migration that lets it.
func (d *database) judgeMigrations(ctx context.Context) {
	const fix = "watertight migrate URL, as an administrator"
	if !d.server.Installed {
		return // tenancy.Open says so
	}
	if !d.server.TellsMigrations {
		d.add(behind.found("watertight", "the database is older than this program", fix))
		return
	}
	var applied []int64
	err := d.read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlMigrations)
		if err != nil {
			return err
		}
		applied, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil {
		d.add(nothingProved.found("watertight", "the migrations could not be read: "+plainly(err), "connect as watertight_app or a member of it"))
		return
	}
	known := migrations()
	var missing []string
	for version, name := range known {
		if !slices.Contains(applied, version) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		d.add(behind.found("watertight", fmt.Sprintf("%d migrations are missing, from %s on", len(missing), missing[0]), fix))
		return
	}
	if slices.ContainsFunc(applied, func(v int64) bool { return known[v] == "" && v > 0 }) {
		d.add(ahead.found("watertight", "the database has migrations that this program does not know", "go get github.com/watertight-go/watertight@latest"))
	}
	d.readLimitations(ctx)
}

// migrations are this program's, by version.
func migrations() map[int64]string {
	known := map[int64]string{}
	names, _ := fs.Glob(schema.Files(), "*.sql")
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if version, err := strconv.ParseInt(number, 10, 64); err == nil {
			known[version] = name
		}
	}
	return known
}

// readLimitations tells what the migrating role was not allowed to do.
func (d *database) readLimitations(ctx context.Context) {
	var list []schema.Limitation
	err := d.read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlLimitations)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[schema.Limitation])
		return err
	})
	if err != nil {
		d.add(nothingProved.found("watertight", "what the migration left out could not be read: "+plainly(err), "connect as watertight_app or a member of it"))
	}
	for _, l := range list {
		d.add(limited.found(l.ID, l.Consequence, l.What))
	}
}

// judgeOpen opens the database as the application does and asks for a tenant
// that does not exist, so that the context is signed, sent and judged.
func (d *database) judgeOpen(ctx context.Context) (safe bool) {
	cfg := tenancy.Config{Key: d.key, Registry: accounts.Registry{}, MaxConns: 1, AllowPlaintext: true}
	if d.pooled() {
		cfg.Binding = tenancy.BindNone
	}
	db, err := tenancy.Open(ctx, d.URL, cfg)
	if unsafe, ok := errors.AsType[*tenancy.UnsafeError](err); ok {
		rule, fix := unsafeRole, "connect as watertight_app or a member of it"
		if errors.Is(unsafe, tenancy.ErrUnsafeSchema) {
			rule, fix = unsafeSchema, "watertight migrate URL, as an administrator"
		}
		for _, reason := range unsafe.Reasons {
			d.add(rule.foundIn(d.server.Role, reason, fix))
		}
		return false
	}
	if err != nil {
		d.add(nothingProved.foundIn("", "the application could not open the database: "+err.Error(), "see above"))
		return false
	}
	defer db.Close()
	if d.ContextKey == "" || d.hasFound(noKey) {
		return true
	}
	_, err = db.Admit(ctx, tenancy.Actor{UserID: uuid.New()}, tenancy.NewID())
	switch {
	case errors.Is(err, tenancy.ErrNotAdmitted):
	case errors.Is(err, tenancy.ErrContextExpired):
		if !d.hasFound(clockOff) {
			d.add(clockOff.found("", "the server takes what was just signed for expired", "let NTP keep both clocks (timedatectl set-ntp true)"))
		}
	case errors.Is(err, tenancy.ErrContextInvalid):
		d.add(unknownKey.found("context key "+d.key.ID(), "the database does not know this context key, or it has been retired", "give the application the current key, or the key to the database by schema.AddKey"))
	default:
		d.add(nothingProved.foundIn("", "a tenant could not be entered: "+plainly(err), "see above"))
	}
	return true
}

func (d *database) hasFound(r Rule) bool {
	return slices.ContainsFunc(d.findings, func(f Finding) bool { return f.Rule == r.ID })
}

// judgeCatalogue lets package inspect look. Its warnings are for people who ask
// for them.
func (d *database) judgeCatalogue(ctx context.Context) {
	report, err := inspect.Check(ctx, d.conn, d.Inspect)
	if errors.Is(err, inspect.ErrNoTenantTable) {
		d.add(nothingProved.found("", "no table of the database belongs to tenants", "name the column that says whose a row is: tenant_columns in watertight.yaml"))
		return
	}
	if err != nil {
		d.add(nothingProved.foundIn("", "the catalogue could not be inspected: "+plainly(err), "watertight inspect URL"))
		return
	}
	for _, f := range report.Findings {
		if f.Severity == inspect.Error {
			d.add(catalogue.found(f.Table, f.Rule+": "+f.Message, f.Fix))
		}
	}
}

// plainly is an error without what quotes rows or names the server.
func plainly(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Message + " (SQLSTATE " + pg.Code + ")"
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return "the connection could not be made"
	}
	return err.Error()
}
