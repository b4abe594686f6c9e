package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// sealer opens a sealer under a login that is a member of watertight_sealer.
func (w *world) sealer(t testing.TB, change ...func(*audit.SealerConfig)) *audit.Sealer {
	t.Helper()
	_, url := w.Login(t, "in role watertight_sealer")
	cfg := audit.SealerConfig{Keys: []audit.SigningKey{w.key}, Failed: func(err error) { t.Errorf("sealer: %v", err) }}
	for _, c := range change {
		c(&cfg)
	}
	s, err := audit.OpenSealer(t.Context(), url, cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// role returns a pool of a login in one of the log's roles.
func (w *world) role(t testing.TB, name string) *pgxpool.Pool {
	t.Helper()
	_, url := w.Login(t, "in role "+name)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// seal seals until nothing is left: another test's transaction may hold a round
// up, the cluster being one.
func (w *world) seal(t testing.TB, s *audit.Sealer) {
	t.Helper()
	admin := w.Admin(t)
	require.Eventually(t, func() bool {
		_, err := s.Seal(t.Context())
		require.NoError(t, err)
		h, err := audit.CheckHealth(t.Context(), admin)
		require.NoError(t, err)
		return h.Pending == 0
	}, time.Minute, 5*time.Millisecond)
}

// sealable waits until one round seals everything that has been written so far:
// until every transaction of the cluster that began earlier, in another test's
// database too, has ended.
func (w *world) sealable(t testing.TB) {
	t.Helper()
	admin := w.Admin(t)
	require.Eventually(t, func() bool {
		var late int
		err := admin.QueryRow(t.Context(), "select count(*) from watertight.audit_event where xid >= pg_snapshot_xmin(pg_current_snapshot())").Scan(&late)
		require.NoError(t, err)
		return late == 0
	}, time.Minute, 5*time.Millisecond)
}

func (w *world) verify(t testing.TB, tenant uuid.UUID, outside ...[]byte) audit.Verdict {
	t.Helper()
	v, err := audit.Verify(t.Context(), w.Admin(t), tenant, audit.VerifyConfig{Keys: []audit.VerifyingKey{w.key.Public()}, Outside: outside})
	require.NoError(t, err)
	return v
}

func (w *world) fill(t testing.TB, n int) {
	t.Helper()
	c := w.asA(t)
	for i := range n {
		_, err := c.Exec(t.Context(), addContact, w.a, i+1, fmt.Sprintf("contact %d", i))
		require.NoError(t, err)
	}
}

func TestSealedLogVerifies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 20)
	var file bytes.Buffer
	var rounds []audit.Round
	s := w.sealer(t, func(c *audit.SealerConfig) {
		c.Anchors = []audit.Anchor{audit.WriterAnchor(&file)}
		c.Sealed = func(r audit.Round) { rounds = append(rounds, r) }
		c.MaxEvents = 7 // several rounds
	})
	w.seal(t, s)
	require.Greater(t, len(rounds), 3, "rounds are bounded")
	require.NoError(t, s.Publish(t.Context()))
	v := w.verify(t, w.a.UUID())
	require.True(t, v.OK(), v.Problems)
	require.EqualValues(t, 23, v.Size, "20 contacts, tenant, user, membership")
	require.Zero(t, v.Unsealed)

	// The tenant verifies its own log, as the application's role.
	own, err := audit.Verify(t.Context(), w.asA(t), w.a.UUID(), audit.VerifyConfig{Keys: []audit.VerifyingKey{w.key.Public()}})
	require.NoError(t, err)
	require.Equal(t, v, own)

	outside, err := audit.ReadAnchor(&file)
	require.NoError(t, err)
	require.Len(t, outside, 3, "one for each log, the newest only")
	v = w.verify(t, w.a.UUID(), outside...)
	require.True(t, v.OK(), v.Problems)
	require.Equal(t, 2, v.Checkpoints)

	w.fill(t, 0)
	_, err = w.asA(t).Exec(t.Context(), renameContact, w.a, 1, "later")
	require.NoError(t, err)
	v = w.verify(t, w.a.UUID())
	require.True(t, v.OK())
	require.EqualValues(t, 1, v.Unsealed)

	// A heart-beat publishes all of them, also when nothing happened.
	file.Reset()
	require.NoError(t, s.Heartbeat(t.Context()))
	require.NoError(t, s.Heartbeat(t.Context()))
	outside, err = audit.ReadAnchor(&file)
	require.NoError(t, err)
	require.Len(t, outside, 6)

	h, err := audit.CheckHealth(t.Context(), w.role(t, "watertight_sealer"))
	require.NoError(t, err)
	require.EqualValues(t, 1, h.Pending)
	require.Greater(t, h.Unsealed, time.Duration(0))
}

// Eight writers hold their transactions open for random times, so ids commit
// out of order, while the sealer runs without a pause. None is lost.
func TestLateCommitsAreNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const writers, each = 8, 640
	s := w.sealer(t)
	stop := make(chan struct{})
	var sealing sync.WaitGroup
	rounds := 0
	sealing.Go(func() {
		for {
			if _, err := s.Seal(context.Background()); err != nil {
				t.Errorf("seal: %v", err)
				return
			}
			rounds++
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	var next atomic.Int64
	var writing sync.WaitGroup
	for n := range writers {
		tenant, actor := w.a, w.anna
		if n%2 == 1 {
			tenant, actor = w.b, w.bob
		}
		scope := w.admit(t, actor, tenant)
		random := rand.New(rand.NewPCG(uint64(n), 1))
		writing.Go(func() {
			for range each / 4 {
				err := w.db.Tx(context.Background(), scope, func(ctx context.Context, c *tenancy.Conn) error {
					for range 4 {
						if _, err := c.Exec(ctx, addContact, tenant, next.Add(1), "x"); err != nil {
							return err
						}
						if random.IntN(3) == 0 {
							time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	sealing.Wait()
	w.seal(t, s)
	total := uint64(0)
	for _, tenant := range []tenancy.ID{w.a, w.b} {
		v := w.verify(t, tenant.UUID())
		require.True(t, v.OK(), v.Problems)
		require.Zero(t, v.Unsealed)
		total += v.Size
	}
	require.EqualValues(t, writers*each+6, total)
	late := scan[int64](t, w, `select count(*) from (select id, max(id) over (order by xid, id rows between unbounded preceding and 1 preceding) as before
		from watertight.audit_event) e where id < before`)
	require.Greater(t, late, int64(20), "positive control: ids did commit out of order")
	t.Logf("%d events in %d rounds, %d of them behind a higher id", total, rounds, late)
}

var errCrash = errors.New("crash")

// A sealer that dies between any two steps resumes, and every checkpoint that
// it ever signed is a prefix of the next.
func TestSealerCrashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.Login(t, "in role watertight_sealer")
	var published bytes.Buffer
	sent := 0
	for round, step := range []string{"locked", "read", "signed", "stored", "committed", "publishing", ""} {
		_, err := w.asA(t).Exec(t.Context(), addContact, w.a, 100+round, step)
		require.NoError(t, err)
		w.sealable(t)
		s, err := audit.OpenSealer(t.Context(), url, audit.SealerConfig{
			Keys: []audit.SigningKey{w.key},
			Anchors: []audit.Anchor{anchorFunc(func(note []byte) error {
				if step == "publishing" {
					return errCrash
				}
				sent++
				return audit.WriterAnchor(&published).Publish(t.Context(), note)
			})},
		})
		require.NoError(t, err)
		hit := step == "" || step == "publishing"
		s.SetStep(func(name string) error {
			if name == step {
				hit = true
				return errCrash
			}
			return nil
		})
		_, err = s.Seal(t.Context())
		if step != "" && step != "publishing" {
			require.ErrorIs(t, err, errCrash)
		} else {
			require.NoError(t, err)
			w.seal(t, s) // a transaction of another test can hold the round back
		}
		err = s.Publish(t.Context())
		if step == "publishing" {
			require.ErrorIs(t, err, errCrash)
		}
		s.Close()
		require.True(t, hit, step)
		v := w.verify(t, w.a.UUID())
		for _, p := range v.Problems { // before the first round there is no tree, which is no problem either
			t.Errorf("after a crash at %q: %s", step, p.Detail)
		}
	}
	// The sealer that comes back publishes what the crashes left out.
	s, err := audit.OpenSealer(t.Context(), url, audit.SealerConfig{
		Keys: []audit.SigningKey{w.key}, Anchors: []audit.Anchor{audit.WriterAnchor(&published)},
	})
	require.NoError(t, err)
	defer s.Close()
	w.seal(t, s)
	require.NoError(t, s.Heartbeat(t.Context()))
	outside, err := audit.ReadAnchor(&published)
	require.NoError(t, err)
	require.Positive(t, sent)
	v := w.verify(t, w.a.UUID(), outside...)
	require.True(t, v.OK(), v.Problems)
	require.EqualValues(t, 10, v.Size)
	require.Zero(t, v.Unsealed)
}

type anchorFunc func([]byte) error

func (f anchorFunc) Publish(_ context.Context, note []byte) error { return f(note) }

// The process is killed, not just told to stop: the server ends its session.
func TestSealerIsKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 5)
	s := w.sealer(t)
	for _, step := range []string{"locked", "read", "signed", "stored"} {
		s.SetStep(func(name string) error {
			if name == step {
				w.admin(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ~ 'audit_' and pid <> pg_backend_pid()`)
			}
			return nil
		})
		_, err := s.Seal(t.Context())
		require.Error(t, err, step)
	}
	s.SetStep(func(string) error { return nil })
	w.seal(t, s)
	v := w.verify(t, w.a.UUID())
	require.True(t, v.OK(), v.Problems)
	require.EqualValues(t, 8, v.Size)
}

// Only one sealer works at a time; two of them make one tree.
func TestTwoSealers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sealer(t), w.sealer(t)
	var sealing sync.WaitGroup
	for _, s := range []*audit.Sealer{one, two} {
		sealing.Go(func() {
			for range 20 {
				if _, err := s.Seal(context.Background()); err != nil {
					t.Errorf("seal: %v", err)
				}
			}
		})
	}
	w.fill(t, 30)
	sealing.Wait()
	w.seal(t, one)
	v := w.verify(t, w.a.UUID())
	require.True(t, v.OK(), v.Problems)
	require.EqualValues(t, 33, v.Size)
}

// A long writing transaction anywhere holds the sealer up, which shows as
// unsealed seconds; a long reading one does not.
func TestALongTransactionDelaysSealing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sealer(t)
	w.seal(t, s)
	writer, err := w.Admin(t).Begin(t.Context())
	require.NoError(t, err)
	defer writer.Rollback(context.Background())
	_, err = writer.Exec(t.Context(), "select pg_current_xact_id()")
	require.NoError(t, err)
	w.fill(t, 3)
	r, err := s.Seal(t.Context())
	require.NoError(t, err)
	require.Zero(t, r.Events)
	h, err := audit.CheckHealth(t.Context(), w.role(t, "watertight_sealer"))
	require.NoError(t, err)
	require.EqualValues(t, 3, h.Pending)
	require.NoError(t, writer.Commit(t.Context()))

	reader, err := w.Admin(t).BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	defer reader.Rollback(context.Background())
	_, err = reader.Exec(t.Context(), "select count(*) from app.contacts")
	require.NoError(t, err)
	// Other tests write in this cluster all the time, and hold it up as well.
	require.Eventually(t, func() bool {
		_, err := s.Seal(t.Context())
		require.NoError(t, err)
		return w.verify(t, w.a.UUID()).Unsealed == 0
	}, time.Minute, 20*time.Millisecond)
}

// A database that was restored into another cluster is not sealed until an
// operator begins a new epoch, and then verifies from end to end.
func TestNewEpochAfterARestore(t *testing.T) {
	t.Parallel()
	for name, restore := range map[string]string{
		"another cluster":    "update watertight.audit_sealer set system_id = 1",
		"earlier xids":       "update watertight.audit_sealer set hwm = '99999999999999'::xid8",
		"both, half written": "update watertight.audit_sealer set system_id = 1, hwm = '99999999999999'::xid8",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(t, 4)
			s := w.sealer(t)
			w.seal(t, s)
			w.admin(t, "alter table watertight.audit_sealer disable trigger append_only")
			w.admin(t, restore)
			w.admin(t, "alter table watertight.audit_sealer enable always trigger append_only")
			_, err := w.asA(t).Exec(t.Context(), renameContact, w.a, 1, "after the restore")
			require.NoError(t, err)
			_, err = s.Seal(t.Context())
			require.ErrorIs(t, err, audit.ErrRestored)
			require.ErrorIs(t, s.Run(t.Context()), audit.ErrRestored)

			require.NoError(t, audit.NewEpoch(t.Context(), w.role(t, "watertight_sealer"), "restored from the backup of Monday"))
			_, err = w.asA(t).Exec(t.Context(), renameContact, w.a, 2, "in the new epoch")
			require.NoError(t, err)
			w.seal(t, s)
			v := w.verify(t, w.a.UUID())
			require.True(t, v.OK(), v.Problems)
			require.EqualValues(t, 9, v.Size)
			require.Zero(t, v.Unsealed)
			require.Equal(t, int64(1), scan[int64](t, w, "select count(*) from watertight.audit_event where action = 'watertight.epoch'"))
		})
	}
}

// For one retention period checkpoints carry the old and the new signature.
func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 2)
	w.seal(t, w.sealer(t))
	next, _, err := audit.NewSigningKey("log.example")
	require.NoError(t, err)
	old := w.key
	s := w.sealer(t, func(c *audit.SealerConfig) { c.Keys = []audit.SigningKey{old, next} })
	_, err = w.asA(t).Exec(t.Context(), renameContact, w.a, 1, "x")
	require.NoError(t, err)
	w.seal(t, s)
	for _, k := range []audit.SigningKey{old, next} {
		w.key = k
		v := w.verify(t, w.a.UUID())
		require.True(t, v.OK(), v.Problems)
	}
	w.key, _, err = audit.NewSigningKey("log.example")
	require.NoError(t, err)
	require.Equal(t, audit.Unsigned, w.verify(t, w.a.UUID()).Problems[0].Kind)
}
