package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var operator = tenancy.Actor{Email: "operator@watertight.example"}

// typesSQL is a table with a column of every kind that needs care, and keys
// that refer forwards, backwards and to the same table.
const typesSQL = `
create schema app;
create type app.mood as enum ('glad', 'it''s "odd"', 'łzy, {}');
create domain app.percent as numeric(5,2) check (value between 0 and 100);
create type app.pair as (a int, "B c" text, at timestamptz);
create collation app.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table app.kinds (
	tenant_id uuid not null, id bigint not null generated always as identity,
	nu numeric, np numeric(10,4), fl float8, re real, tz timestamptz, ts timestamp, da date, ti time, tt timetz, iv interval,
	by bytea, te text, ch char(5), vc varchar(7), qc "char", bo boolean, mo app.mood, pe app.percent, pa app.pair,
	ia int[], ta text[], ma app.mood[], pp app.pair[], js json, jb jsonb, ra int4range, rm tstzmultirange, ip inet, ma8 macaddr8, bi bit(3), bv varbit,
	po point, xm xml, ts1 tsvector, mn money, uu uuid, nc text collate app.nocase, "Odd, ""name" text, na name, oi oid,
	ge int generated always as (length(te)) stored,
	primary key (tenant_id, id)
);
create table app.tree (tenant_id uuid not null, id int not null, parent int, label text, primary key (tenant_id, id),
	foreign key (tenant_id, parent) references app.tree (tenant_id, id));
create table app.hen (tenant_id uuid not null, id serial, egg int, primary key (tenant_id, id));
create table app.egg (tenant_id uuid not null, id int not null, hen int not null, primary key (tenant_id, id),
	foreign key (tenant_id, hen) references app.hen (tenant_id, id));
alter table app.hen add foreign key (tenant_id, egg) references app.egg (tenant_id, id);
create table app.words (tenant_id uuid not null, word text not null, n int, primary key (tenant_id, word));
select watertight.protect(t::regclass) from unnest('{app.kinds,app.tree,app.hen,app.egg,app.words}'::text[]) t;`

// fortyTables are a team's own: a tree of tables, every third with a key that
// can wait, in names that need quotes.
func fortyTables() string {
	var b strings.Builder
	b.WriteString("create schema \"Own/s\";\n")
	for i := range 40 {
		name := fmt.Sprintf(`"Own/s"."t %02d"`, i)
		fmt.Fprintf(&b, "create table %s (tenant_id uuid not null, id bigint not null, up bigint, note text, n numeric, primary key (tenant_id, id)", name)
		if i > 0 {
			fmt.Fprintf(&b, `, foreign key (tenant_id, up) references "Own/s"."t %02d" (tenant_id, id)`, (i*7+3)%i)
			if i%3 == 0 {
				b.WriteString(" deferrable")
			}
		}
		fmt.Fprintf(&b, "); select watertight.protect('%s');\n", name)
	}
	return b.String()
}

// world is a database with two tenants that have rows in every table.
type world struct {
	*pgtest.Database
	admin       *pgxpool.Pool
	life        *DB
	files       *memFiles
	alpha, beta tenancy.ID
	anna, bob   uuid.UUID
}

func newWorld(t *testing.T, cfg ...Config) *world {
	t.Helper()
	w := &world{
		Database: pgtest.New(t, pgtest.Config{Setup: []string{typesSQL, fortyTables()}}),
		files:    newMemFiles(),
	}
	w.admin = w.Admin(t)
	c := Config{}
	if len(cfg) > 0 {
		c = cfg[0]
	}
	w.life = w.open(t, c)
	w.alpha, w.anna = w.tenant(t, "Alpha", "anna@alpha.example")
	w.beta, w.bob = w.tenant(t, "Beta", "bob@beta.example")
	for i, id := range []tenancy.ID{w.alpha, w.beta} {
		w.fill(t, id, []uuid.UUID{w.anna, w.bob}[i])
	}
	return w
}

func (w *world) open(t *testing.T, c Config) *DB {
	t.Helper()
	_, url := w.Login(t, "in role watertight_lifecycle")
	c.Key = w.Key
	c.Version = "test"
	if c.Files == nil {
		c.Files = w.files
	}
	db, err := Open(t.Context(), url, c)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

func (w *world) system(t *testing.T) *crosstenant.DB {
	t.Helper()
	sys, err := crosstenant.Open(t.Context(), w.SystemURL, crosstenant.Config{Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(sys.Close)
	return sys
}

func (w *world) tenant(t *testing.T, name, email string) (id tenancy.ID, user uuid.UUID) {
	t.Helper()
	err := w.system(t).Run(t.Context(), operator, "new customer", func(ctx context.Context, c *crosstenant.Conn) (err error) {
		id, user, err = accounts.CreateTenant(ctx, c, name, accounts.Owner{Email: email, Name: "Owner of " + name})
		return err
	})
	require.NoError(t, err)
	return id, user
}

// seal seals every event there is. The sealer stops below the oldest running
// transaction of the server, which may be another test's.
func (w *world) seal(t *testing.T, s *audit.Sealer) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := s.Seal(t.Context())
		require.NoError(t, err)
		var all bool
		require.NoError(t, w.admin.QueryRow(t.Context(), "select bool_and(watertight.audit_is_sealed(epoch, xid)) from watertight.audit_event").Scan(&all))
		return all
	}, time.Minute, 50*time.Millisecond)
}

func (w *world) connect(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	var err error
	if len(args) == 0 { // perhaps a script
		_, err = w.admin.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	} else {
		_, err = w.admin.Exec(t.Context(), sql, args...)
	}
	require.NoError(t, err)
}

// fill puts rows into every table, of the library and of the team.
func (w *world) fill(t *testing.T, id tenancy.ID, user uuid.UUID) {
	t.Helper()
	sealed := append([]byte{1, 0, 0, 0, 1}, bytes.Repeat([]byte{7}, 80)...)
	w.exec(t, `insert into watertight.tenant_keys (tenant_id, key_id, kek_id, wrapped, state, retired_at, destroyed_at) values
		($1, 1, 'old', $2, 'decrypt_only', now(), null), ($1, 2, 'old', $2, 'active', null, null)`, id, bytes.Repeat([]byte{9}, 64))
	conn := uuid.New()
	w.exec(t, `insert into watertight.calendar_connections (tenant_id, id, user_id, provider, account, refresh_token) values ($1, $2, $3, 'google', 'a@g.example', $4)`, id, conn, user, sealed)
	w.exec(t, `insert into watertight.calendar_busy (tenant_id, connection_id, subject, starts_at, minutes) select $1, $2, 'Busy ' || n, '2026-01-01'::timestamptz + n * interval '1h', 30 from generate_series(1, 3) n`, id, conn)
	w.exec(t, `insert into app.kinds (tenant_id, nu, np, fl, re, tz, ts, da, ti, tt, iv, by, te, ch, vc, qc, bo, mo, pe, pa, ia, ta, ma, pp, js, jb, ra, rm, ip, ma8, bi, bv, po, xm, ts1, mn, uu, nc, "Odd, ""name", na, oi)
		values
		($1, 'NaN', 1.5000, 'Infinity', '-0', 'infinity', '-infinity', 'infinity', '24:00', '12:00:00.123456+05:30', '-1 year 2 mons -3 days 04:05:06.7',
		 '\x00ff27', E'a\tb\nc\\d"e''f,{}()\u0001ü😀', 'ab', 'x', '\377', true, 'it''s "odd"', 99.5, row(1, 'x,"(y)', '2020-01-01 00:00+00'),
		 '[2:3]={1,null}', '{"",null,"NULL","a\"b","c,d"}', '{glad,"łzy, {}"}', array[row(null, '', null), null]::app.pair[], '{"b":1,  "a":2}', '{"b":1,"a":1.50}', '[1,5)', '{[2020-01-01,2020-01-02)}',
		 '10.0.0.1/8', '08:00:2b:01:02:03:04:05', '101', '10', '(1.1,2.2)', '<a>x</a>', '''cat'' & 1', '12.34', $2, 'Straße', 'odd', 'n', 4294967295),
		($1, 1.0, null, 0.1, 1e-37, '0001-01-01 00:00:00+00 BC', '294276-12-31 23:59:59.999999', '4713-01-01 BC', '00:00', null, '1 mon', '', '', '', '', '', false, 'glad', 0, row(null, null, null),
		 '{}', '{{a,b},{c,d}}', '{}', '{}', 'null', 'null', 'empty', '{}', '::1', null, '000', '', null, '', '', '-1', null, 'ß', null, '', 0),
		($1, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)`, id, user)
	w.exec(t, `insert into watertight.file_space (tenant_id, max_bytes) values ($1, 1000)`, id)
	w.exec(t, `insert into watertight.files (tenant_id, id, object, name, content_type, size, created_by) values ($1, gen_random_uuid(), gen_random_uuid(), 'a.txt', 'text/plain', 7, $2)`, id, user)
	// A row whose parent has a greater key than itself.
	w.exec(t, `insert into app.tree values ($1, 5, null, 'root'), ($1, 1, 5, 'leaf'), ($1, 2, 2, 'itself')`, id)
	w.exec(t, `insert into app.hen (tenant_id, id) values ($1, 1), ($1, 2)`, id)
	w.exec(t, `insert into app.egg values ($1, 1, 2), ($1, 2, 1)`, id)
	w.exec(t, `update app.hen set egg = id where tenant_id = $1`, id)
	w.exec(t, `insert into app.words values ($1, 'b', 1), ($1, 'A', 2), ($1, 'ä', 3), ($1, 'a', 4)`, id)
	var own pgx.Batch
	for i := range 40 {
		own.Queue(fmt.Sprintf(`insert into "Own/s"."t %02d" select $1, n, case when %d > 0 then n end, 'note ' || n, n * 1.10 from generate_series(1, 4) n`, i, i), id)
	}
	require.NoError(t, w.admin.SendBatch(t.Context(), &own).Close())
	for i := range 3 {
		require.NoError(t, w.files.Create(t.Context(), id, File{Key: fmt.Sprintf("a=b/%d\x00ü", i), Size: 11}, strings.NewReader(fmt.Sprintf("content %03d", i))))
	}
}

func (w *world) export(t *testing.T, id tenancy.ID) ([]byte, Exported) {
	t.Helper()
	var b bytes.Buffer
	out, err := w.life.Export(t.Context(), operator, id, &b, ExportConfig{})
	require.NoError(t, err)
	return b.Bytes(), out
}

// digests are the contents of every table, of one tenant.
func (w *world) digests(t *testing.T, id tenancy.ID) map[string]string {
	t.Helper()
	rows, err := w.admin.Query(t.Context(), `select p.relid::regclass::text, quote_ident(p.tenant_column) from watertight.protected_table p where kind = 'tenant'
		union all select 'watertight.audit_event', 'tenant_id'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Column string }])
	require.NoError(t, err)
	out := map[string]string{}
	for _, table := range tables {
		var sum string
		require.NoError(t, w.admin.QueryRow(t.Context(), fmt.Sprintf(`select count(*) || ' ' || coalesce(md5(string_agg(r::text, chr(10) order by r::text collate "C")), '') from %s r where %s = $1`, table.Name, table.Column), id).Scan(&sum))
		out[table.Name] = sum
	}
	return out
}

// memFiles keeps files in memory.
type memFiles struct {
	mu sync.Mutex
	m  map[tenancy.ID]map[string][]byte
}

func newMemFiles() *memFiles { return &memFiles{m: map[tenancy.ID]map[string][]byte{}} }

func (f *memFiles) List(_ context.Context, t tenancy.ID) iter.Seq2[File, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []File
	for _, k := range slices.Sorted(maps.Keys(f.m[t])) {
		list = append(list, File{k, int64(len(f.m[t][k]))})
	}
	return func(yield func(File, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func (f *memFiles) Open(_ context.Context, t tenancy.ID, key string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.m[t][key]
	if !ok {
		return nil, fmt.Errorf("no such file")
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (f *memFiles) Create(_ context.Context, t tenancy.ID, x File, content io.Reader) error {
	b, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m[t] == nil {
		f.m[t] = map[string][]byte{}
	}
	f.m[t][x.Key] = b
	return nil
}

func (f *memFiles) DeleteAll(_ context.Context, t tenancy.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.m, t)
	return nil
}
