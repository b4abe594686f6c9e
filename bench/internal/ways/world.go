package ways

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

var (
	//go:embed peers.sql
	peersSQL string
	//go:embed watertight.sql
	watertightSQL string
	//go:embed silence.sql
	silenceSQL string
	//go:embed unsign.sql
	unsignSQL string
)

// A World is a server with a database for the ways by hand and two for
// Watertight, signed and not. All tables hold the same rows.
type World struct {
	Server  *pgtest.Server
	Tenants []tenancy.ID
	Rows    int // of each tenant, numbered from 1

	peers, signed, unsigned *database
	login, password         string
}

// database is one of the three, and the role that the ways connect to it as.
type database struct {
	*pgtest.Database
	admin *pgxpool.Pool
	login string
}

// Settings of the server: connections for every way's pool at once, and no
// vacuum and no checkpoint of its own choosing in the middle of a measurement.
var Settings = []string{
	"max_connections=400", "shared_buffers=256MB", "autovacuum=off", "checkpoint_timeout=1h", "max_wal_size=2GB",
}

// NewWorld makes the databases. Close drops them.
func NewWorld(ctx context.Context, server *pgtest.Server, tenants, rows int) (*World, error) {
	if tenants < 1 || rows < 1 {
		return nil, errors.New("a world without tenants or rows measures nothing (ask for at least one of each)")
	}
	w := &World{Server: server, Rows: rows, login: "bench_" + strings.ToLower(rand.Text()[:8]), password: rand.Text()}
	for range tenants {
		w.Tenants = append(w.Tenants, tenancy.NewID())
	}
	if err := w.build(ctx); err != nil {
		return nil, errors.Join(err, w.Close(context.WithoutCancel(ctx)))
	}
	return w, nil
}

func (w *World) build(ctx context.Context) error {
	var err error
	if w.peers, err = w.create(ctx, pgtest.Config{Empty: true}, w.login); err != nil {
		return err
	}
	if err := w.fillPeers(ctx); err != nil {
		return fmt.Errorf("fill the database of the ways by hand: %w", err)
	}
	if w.signed, err = w.create(ctx, pgtest.Config{}, w.login+"_app"); err != nil {
		return err
	}
	if w.unsigned, err = w.create(ctx, pgtest.Config{}, w.login+"_app"); err != nil {
		return err
	}
	for _, d := range []*database{w.signed, w.unsigned} {
		if err := w.fillWatertight(ctx, d); err != nil {
			return fmt.Errorf("fill a database of Watertight: %w", err)
		}
	}
	return w.unsigned.run(ctx, unsignSQL)
}

func (w *World) create(ctx context.Context, cfg pgtest.Config, login string) (*database, error) {
	d, err := w.Server.CreateDatabase(ctx, "", cfg)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(d.AdminURL)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 2
	admin, err := pgxpool.NewWithConfig(ctx, config)
	return &database{d, admin, login}, err
}

func (w *World) fillPeers(ctx context.Context) error {
	err := w.peers.run(ctx, peersSQL,
		"create role "+quote(w.login)+" login password '"+w.password+"'",
		"grant connect on database "+quote(w.peers.Name)+" to "+quote(w.login),
		"grant usage on schema bench to public",
		"grant select, insert, update, delete on all tables in schema bench to "+quote(w.login))
	if err != nil {
		return err
	}
	if _, err := w.peers.admin.Exec(ctx, "insert into bench.tenants select unnest($1::uuid[])", w.Tenants); err != nil {
		return err
	}
	for _, t := range w.Tenants {
		role := quote(w.rolePrefix() + t.String())
		err := w.peers.run(ctx, "create role "+role, "grant "+role+" to "+quote(w.login),
			"grant select, insert, update, delete on bench.role to "+role)
		if err != nil {
			return err
		}
	}
	return w.fill(ctx, w.peers, "plain", "setting", "role")
}

func (w *World) fillWatertight(ctx context.Context, d *database) error {
	if d == w.signed {
		// Roles belong to the whole server: one for both databases.
		err := d.run(ctx, "create role "+quote(d.login)+" login password '"+w.password+"' in role watertight_app")
		if err != nil {
			return err
		}
	}
	if err := d.run(ctx, "grant connect on database "+quote(d.Name)+" to "+quote(d.login), watertightSQL); err != nil {
		return err
	}
	_, err := d.admin.Exec(ctx, "insert into watertight.tenants (id, name) select id, id::text from unnest($1::uuid[]) id", w.Tenants)
	if err != nil {
		return err
	}
	if err := w.fill(ctx, d, "silent", "audited"); err != nil {
		return err
	}
	return d.run(ctx, "select watertight.protect('bench.silent')", "select watertight.protect('bench.audited')", silenceSQL)
}

// whileUnreachable lets fn open a connection to the unsigned database. Open refuses a table
// that it does not see protected and that the role can reach: for that moment
// it cannot.
func (w *World) whileUnreachable(ctx context.Context, fn func() error) error {
	if err := w.unsigned.run(ctx, "revoke all on bench.silent from watertight_app"); err != nil {
		return err
	}
	err := fn()
	return errors.Join(err, w.unsigned.run(ctx, "grant select, insert, update, delete on bench.silent to watertight_app"))
}

// fill puts the same rows into each table.
func (w *World) fill(ctx context.Context, d *database, tables ...string) error {
	for _, table := range tables {
		_, err := d.admin.Exec(ctx, "insert into bench."+table+` (tenant_id, id, subject, amount, at)
			select t, n, 'subject of ' || n, n % 1000, $3::timestamptz + n * interval '1 minute'
			from unnest($1::uuid[]) t, generate_series(1, $2::bigint) n`, w.Tenants, w.Rows, firstTime)
		if err != nil {
			return err
		}
	}
	return nil
}

// Settle does what autovacuum would do at some time or other.
func (w *World) Settle(ctx context.Context) error {
	return errors.Join(
		w.peers.run(ctx, "vacuum analyze bench.plain, bench.setting, bench.role"),
		w.signed.run(ctx, "vacuum analyze bench.silent, bench.audited, watertight.audit_event"),
		w.unsigned.run(ctx, "vacuum analyze bench.silent"),
		w.signed.run(ctx, "checkpoint"), // of the whole server
	)
}

// An Address is where the ways connect to: the server, or a proxy before it.
type Address struct{ Host, Port string }

// AddressOf is where a listener listens.
func AddressOf(at *net.TCPAddr) Address { return Address{at.IP.String(), strconv.Itoa(at.Port)} }

// Direct is the server's own address, over TCP.
func (w *World) Direct() (Address, error) {
	config, err := pgx.ParseConfig(w.peers.AdminURL)
	if err != nil {
		return Address{}, errors.New("the server's URL cannot be read")
	}
	host := config.Host
	if strings.HasPrefix(host, "/") {
		host = "127.0.0.1" // a server of ours listens there as well
	}
	return Address{host, strconv.Itoa(int(config.Port))}, nil
}

// url addresses a database as the role that the ways connect as.
func (w *World) url(d *database, k Kind, at Address) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(d.login, w.password),
		Host: net.JoinHostPort(at.Host, at.Port), Path: "/" + d.Name,
		RawQuery: url.Values{"application_name": {w.application(k)}}.Encode(),
	}
	return u.String()
}

func (w *World) rolePrefix() string { return w.login + "_" }

// Open opens a way with room for a number of goroutines. A way that was opened
// is to be closed.
func (w *World) Open(ctx context.Context, k Kind, at Address, conns int) (Way, error) {
	way, err := k.open(ctx, w, k, at, int32(conns))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", k.Name, err)
	}
	return way, nil
}

// Backends are the processes that serve a way now, on whatever address: none if
// they are not on this machine, or not in sight.
func (w *World) Backends(ctx context.Context, k Kind) ([]uint32, error) {
	rows, err := w.peers.admin.Query(ctx, "select pid from pg_stat_activity where application_name = $1", w.application(k))
	if err != nil {
		return nil, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	if err != nil || !slices.ContainsFunc(pids, isPostgres) {
		return nil, err
	}
	return pids, nil
}

// isPostgres tells a backend from a process of this machine that has the number
// that a backend has in a container or on another machine.
func isPostgres(pid uint32) bool {
	name, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/comm")
	return err == nil && strings.TrimSpace(string(name)) == "postgres"
}

// application is the name by which a way's connections are known.
func (w *World) application(k Kind) string { return w.login + "." + k.Name }

// Close drops the databases and the roles.
func (w *World) Close(ctx context.Context) error {
	var errs []error
	for _, d := range []*database{w.peers, w.signed, w.unsigned} {
		if d == nil {
			continue
		}
		if d.admin != nil {
			d.admin.Close()
		}
		errs = append(errs, d.Drop(ctx))
	}
	return errors.Join(append(errs, w.dropRoles(ctx))...)
}

// dropRoles removes what a server that is not ours would keep.
func (w *World) dropRoles(ctx context.Context) error {
	if w.peers == nil {
		return nil
	}
	u, err := url.Parse(w.peers.AdminURL)
	if err != nil {
		return errors.New("the server's URL cannot be read")
	}
	u.Path = "/postgres"
	admin, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	rows, err := admin.Query(ctx, "select rolname from pg_roles where starts_with(rolname, $1)", w.login)
	if err != nil {
		return err
	}
	roles, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, role := range roles {
		if _, failed := admin.Exec(ctx, "drop role "+quote(role)); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// run executes scripts of several statements.
func (d *database) run(ctx context.Context, scripts ...string) error {
	for _, script := range scripts {
		if _, err := d.admin.Exec(ctx, script); err != nil {
			return err
		}
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// Version is the server's.
func (w *World) Version(ctx context.Context) (version string, err error) {
	err = w.peers.admin.QueryRow(ctx, "select split_part(current_setting('server_version'), ' ', 1)").Scan(&version)
	return version, err
}

// pings is how many empty round trips are taken.
const pings = 41

// Ping is the median of empty round trips to an address.
func (w *World) Ping(ctx context.Context, at Address) (time.Duration, error) {
	conn, err := pgx.Connect(ctx, w.url(w.peers, Kind{Name: "ping"}, at))
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	took := make([]time.Duration, pings)
	for i := range took {
		begin := time.Now()
		if err := conn.Ping(ctx); err != nil {
			return 0, err
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took[pings/2], nil
}
