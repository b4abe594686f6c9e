package audit_test

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// Four tables alike, each with another way to keep a log of it.
const variants = `
create table app.bare (tenant_id uuid not null, id bigint not null, name text not null, visits int not null default 0, note text, at timestamptz not null default now(), primary key (tenant_id, id)) with (fillfactor = 70);
create table app.ours (like app.bare including all);
create table app.chain (like app.bare including all);
create table app.whole (like app.bare including all);
select watertight.protect('app.bare'); select watertight.protect('app.ours');
select watertight.protect('app.chain'); select watertight.protect('app.whole');
insert into app.bare select t.id, n, 'contact ' || n, 0, 'something about contact ' || n from watertight.tenants t, generate_series(1, 2000) n;
insert into app.ours select * from app.bare; insert into app.chain select * from app.bare; insert into app.whole select * from app.bare;

-- A hash chain in the trigger: each event holds the hash of the one before.
create table app.chain_log (tenant_id uuid not null, n bigint not null, at timestamptz not null default clock_timestamp(), entity text, entity_id text, diff jsonb, hash bytea not null, primary key (tenant_id, n));
create table app.chain_head (tenant_id uuid primary key, n bigint not null, hash bytea not null);
insert into app.chain_head select id, 0, '' from watertight.tenants;
create function app.on_chain() returns trigger language plpgsql security definer as $$
declare h app.chain_head; d jsonb; x bytea;
begin
  select * into h from app.chain_head where tenant_id = new.tenant_id for update;
  d := jsonb_build_object('visits', jsonb_build_array(old.visits, new.visits));
  x := sha256(h.hash || convert_to(d::text, 'UTF8'));
  insert into app.chain_log values (new.tenant_id, h.n + 1, clock_timestamp(), 'app.chain', new.id::text, d, x);
  update app.chain_head set n = h.n + 1, hash = x where tenant_id = new.tenant_id;
  return null;
end $$;

-- Both rows whole, as supa_audit keeps them.
create table app.whole_log (id bigint generated always as identity primary key, record_id uuid, old_record_id uuid, op text, ts timestamptz not null default now(), table_oid oid not null, table_schema name not null, table_name name not null, record jsonb, old_record jsonb);
create index on app.whole_log (record_id) where record_id is not null;
create index on app.whole_log (old_record_id) where old_record_id is not null;
create index on app.whole_log using brin (ts);
create index on app.whole_log (table_oid);
create function app.on_whole() returns trigger language plpgsql security definer as $$
begin
  insert into app.whole_log (record_id, old_record_id, op, table_oid, table_schema, table_name, record, old_record)
    values (md5(new.tenant_id::text || new.id)::uuid, md5(old.tenant_id::text || old.id)::uuid, tg_op, tg_relid, tg_table_schema, tg_table_name, to_jsonb(new), to_jsonb(old));
  return null;
end $$;
delete from watertight.protected_table where relid in ('app.bare'::regclass, 'app.chain'::regclass, 'app.whole'::regclass);
drop trigger watertight_audit on app.bare; drop trigger watertight_audit on app.chain; drop trigger watertight_audit on app.whole;
create trigger log after update on app.chain for each row execute function app.on_chain();
create trigger log after update on app.whole for each row execute function app.on_whole();
`

var variantNames = []string{"bare", "ours", "chain", "whole"}

// BenchmarkWrites compares the throughput of eight writers of one tenant, each
// transaction with work of 5 ms between its write and its commit and with none,
// and the bytes of an event: without a log, with ours while a sealer runs, with
// a hash chain in the trigger, and with both rows whole as jsonb. The variants
// take turns in each round; the ratios are medians of the rounds.
//
//	go test ./audit -run '^$' -bench Writes -benchtime 5x
func BenchmarkWrites(b *testing.B) {
	w := newWorld(b)
	w.Exec(b, variants)
	scope := w.admit(b, w.anna, w.a)
	s := w.sealer(b)
	ctx, stop := context.WithCancel(context.Background())
	var sealing sync.WaitGroup
	sealing.Go(func() { _ = s.Run(ctx) })
	defer sealing.Wait()
	defer stop()

	figures := map[string][]float64{}
	for b.Loop() {
		for label, work := range map[string]time.Duration{"5ms-work": 5 * time.Millisecond, "no-work": 0} {
			bare := w.writes(b, scope, "bare", work)
			figures["bare-tps-"+label] = append(figures["bare-tps-"+label], bare)
			for _, v := range variantNames[1:] {
				name := v + "-ratio-" + label
				figures[name] = append(figures[name], w.writes(b, scope, v, work)/bare)
			}
		}
	}
	for name, f := range figures {
		b.ReportMetric(median(f), name)
	}
	for v, table := range map[string]string{"ours": "watertight.audit_event", "chain": "app.chain_log", "whole": "app.whole_log"} {
		w.admin(b, "vacuum analyze "+table)
		b.ReportMetric(scan[float64](b, w, "select (pg_total_relation_size('"+table+"') / count(*))::float8 from "+table), v+"-B/event")
	}
}

// writes returns the transactions a second of a short run.
func (w *world) writes(t testing.TB, scope tenancy.Scope, table string, work time.Duration) float64 {
	t.Helper()
	sql := "-- name: Visit :exec\nupdate app." + table + " set visits = visits + 1 where tenant_id = $1 and id = $2"
	var done, next atomic.Int64
	began := time.Now()
	until := began.Add(1500 * time.Millisecond)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for time.Now().Before(until) {
				err := w.db.Tx(context.Background(), scope, func(ctx context.Context, c *tenancy.Conn) error {
					_, err := c.Exec(ctx, sql, w.a, 1+next.Add(1)%2000)
					time.Sleep(work)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	writers.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

func median(f []float64) float64 {
	slices.Sort(f)
	return f[len(f)/2]
}

// BenchmarkMillion seals, verifies and exports a log of a million events.
//
//	go test ./audit -run '^$' -bench Million -benchtime 1x
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	figures := map[string]float64{}
	w := newWorld(b)
	// Straight into the table, as no application can: writing is BenchmarkWrites'.
	w.admin(b, `insert into watertight.audit_event (tenant_id, op, action, query, actor_kind, actor_id, actor_email, ip, app_version, request_id, entity, entity_id, entity_key, diff)
		select $1, 'u', 'RenameContact', null, 'user', gen_random_uuid()::text, 'anna@alpha.example', '203.0.113.7', 'v1.2.3+0123456789ab', 'req-' || n, 'app.contacts', n::text,
			watertight.audit_key($1, 'app.contacts', n::text), json_build_object('name', json_build_array('contact ' || n, 'friend ' || n))
		from generate_series(1, $2::int) n`, w.a.UUID(), n)
	s := w.sealer(b)
	began := time.Now()
	w.seal(b, s)
	figures["sealed/s"] = n / time.Since(began).Seconds()

	began = time.Now()
	var calls int
	v, err := audit.Verify(b.Context(), w.role(b, "watertight_sealer"), w.a.UUID(), audit.VerifyConfig{
		Keys: []audit.VerifyingKey{w.key.Public()}, Progress: func(uint64, uint64) { calls++ },
	})
	require.NoError(b, err)
	require.True(b, v.OK(), v.Problems)
	require.EqualValues(b, n+3, v.Checked)
	require.Greater(b, calls, 10)
	figures["verified/s"] = n / time.Since(began).Seconds()

	before := heap()
	began = time.Now()
	var most uint64
	written, err := audit.Export(b.Context(), w.role(b, "watertight_sealer"), w.a.UUID(), io.Discard, audit.ExportConfig{
		Progress: func(uint64) { most = max(most, heap()) },
	})
	require.NoError(b, err)
	require.EqualValues(b, n+3, written)
	figures["exported/s"] = n / time.Since(began).Seconds()
	figures["export-heap-growth-B"] = float64(most) - float64(before)
	figures["B/event"] = scan[float64](b, w, "select (pg_total_relation_size('watertight.audit_event') / count(*))::float8 from watertight.audit_event")
	for b.Loop() { // everything above is timed by itself
		_ = n
	}
	for name, f := range figures { // the loop forgets what was reported before it
		b.ReportMetric(f, name)
	}
}
