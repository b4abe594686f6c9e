package keystore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/tenancy"
)

// resealerEnv tells this test binary to be the process that re-seals, so that
// the test can kill it.
const resealerEnv = "WATERTIGHT_TEST_RESEALER"

type resealerJob struct{ URL, Key, KEK, Tenant string }

// runAsResealer does the job that the environment names, if there is one.
func runAsResealer() bool {
	text := os.Getenv(resealerEnv)
	if text == "" {
		return false
	}
	if err := resealAs(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func resealAs(text string) error {
	ctx := context.Background()
	var job resealerJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	key, err := tenancy.ParseContextKey(job.Key)
	if err != nil {
		return err
	}
	db, err := tenancy.Open(ctx, job.URL, tenancy.Config{Key: key, Registry: accounts.Registry{}, Version: "v1"})
	if err != nil {
		return err
	}
	defer db.Close()
	kek, err := crypto.OpenKeyFile(job.KEK)
	if err != nil {
		return err
	}
	store, err := keystore.New(db)
	if err != nil {
		return err
	}
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
	if err != nil {
		return err
	}
	tenant, err := tenancy.ParseID(job.Tenant)
	if err != nil {
		return err
	}
	r := keystore.Resealer{DB: db, Ring: ring, Pause: -1, Progress: func(p keystore.Progress) { fmt.Println(p.Resealed) }}
	_, err = r.Tenant(ctx, tenant)
	return err
}

// records is how many values the online test re-seals. Set WATERTIGHT_RESEAL to
// 100000 for the full run, whose figures are in docs/design/012-tenant-keys.md.
func records(t *testing.T) int {
	t.Helper()
	v := os.Getenv("WATERTIGHT_RESEAL")
	if v == "" {
		return 4000
	}
	n, err := strconv.Atoi(v)
	require.NoError(t, err)
	return n
}

// TestResealOnline re-seals many values while four writers change them and two
// readers read them, kills the re-sealing process with SIGKILL in the middle,
// and finishes with another one. Nothing may be unreadable at any moment, no
// write may be lost, and nothing may be left under the old key.
func TestResealOnline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := records(t)
	w.fillDoors(t, n)
	w.rotate(t, w.a)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	written := make([]atomic.Int64, n)
	var writes, reads atomic.Int64
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() { w.writeDoors(ctx, t, written, &writes) })
	}
	for range 2 {
		load.Go(func() { w.readDoors(ctx, t, n, written, &reads) })
	}

	killed := w.startResealer(t)
	for w.stale(t) > n*2/3 {
		time.Sleep(5 * time.Millisecond)
	}
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait(), "the re-sealing process ended by itself before it was killed")
	left := w.stale(t)
	require.NotZero(t, left, "nothing was left for the second process")

	second := w.startResealer(t)
	require.NoError(t, second.Wait())
	stop()
	load.Wait()
	done, err := w.reseal(t, w.a) // what a writer overtook ten times, or sealed late
	require.NoError(t, err)
	require.Zero(t, done.Left)
	require.Zero(t, w.stale(t))
	w.checkDoors(t, n, written)
	require.NotZero(t, writes.Load())
	require.NotZero(t, reads.Load())
	t.Logf("%d values, %d left when killed; %d writes and %d reads meanwhile", n, left, writes.Load(), reads.Load())
}

// doorCode is what stands in a door: its number and the writer's count, so that
// a lost write shows.
func doorCode(id int, version int64) string { return fmt.Sprintf("door %d version %d", id, version) }

// fillDoors stores n doors at version 0, by the shortest way.
func (w *world) fillDoors(t testing.TB, n int) {
	t.Helper()
	const page = 2000
	c := w.conn(t, w.a)
	for from := 0; from < n; from += page {
		var ids []int64
		var codes [][]byte
		for id := from; id < min(n, from+page); id++ {
			sealed, err := w.ring.Seal(t.Context(), w.a, doorRef(int64(id)), crypto.SecretString(doorCode(id, 0)))
			require.NoError(t, err)
			ids, codes = append(ids, int64(id)), append(codes, sealed)
		}
		_, err := c.Exec(t.Context(), `insert into app.doors (tenant_id, id, code) select $1, * from unnest($2::bigint[], $3::bytea[])`, w.a, ids, codes)
		require.NoError(t, err)
	}
}

// writeDoors gives random doors their next version until ctx ends. A door has
// one writer at a time, so its version says what must be found there.
func (w *world) writeDoors(ctx context.Context, t testing.TB, written []atomic.Int64, count *atomic.Int64) {
	scope, err := w.db.AdmitJob(t.Context(), w.a, "writer")
	if err != nil {
		t.Error(err)
		return
	}
	c := w.db.For(scope)
	for ctx.Err() == nil {
		id := rand.IntN(len(written))
		v := written[id].Load()
		if v < 0 || !written[id].CompareAndSwap(v, -v-1) { // negative: somebody writes it
			continue
		}
		sealed, err := w.ring.Seal(t.Context(), w.a, doorRef(int64(id)), crypto.SecretString(doorCode(id, v+1)))
		if err == nil {
			_, err = c.Exec(t.Context(), `update app.doors set code = $3, note = 'written' where tenant_id = $1 and id = $2`, w.a, id, sealed)
		}
		if err != nil {
			t.Error(err)
			return
		}
		written[id].Store(v + 1)
		count.Add(1)
	}
}

// readDoors opens random doors until ctx ends: each must open, and to a version
// that is not older than the last one known to be written.
func (w *world) readDoors(ctx context.Context, t testing.TB, n int, written []atomic.Int64, count *atomic.Int64) {
	scope, err := w.db.AdmitJob(t.Context(), w.a, "reader")
	if err != nil {
		t.Error(err)
		return
	}
	c := w.db.For(scope)
	ring := w.newRing(t, w.kek)
	for ctx.Err() == nil {
		id := rand.IntN(n)
		least := written[id].Load()
		if least < 0 {
			least = -least - 1
		}
		var sealed []byte
		if err := c.QueryRow(t.Context(), `select code from app.doors where tenant_id = $1 and id = $2`, w.a, id).Scan(&sealed); err != nil {
			t.Error(err)
			return
		}
		s, err := ring.Open(t.Context(), w.a, doorRef(int64(id)), sealed)
		if err != nil {
			t.Errorf("door %d cannot be read: %v", id, err)
			return
		}
		var got int
		var version int64
		if _, err := fmt.Sscanf(string(s.Reveal()), "door %d version %d", &got, &version); err != nil || got != id || version < least {
			t.Errorf("door %d reads as %d version %d, at least %d was written", id, got, version, least)
			return
		}
		count.Add(1)
	}
}

// checkDoors reads all doors: each must hold its last write.
func (w *world) checkDoors(t testing.TB, n int, written []atomic.Int64) {
	t.Helper()
	rows, err := w.admin.Query(t.Context(), `select id, code from app.doors where tenant_id = $1`, w.a)
	require.NoError(t, err)
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var id int64
		var sealed []byte
		require.NoError(t, rows.Scan(&id, &sealed))
		s, err := w.ring.Open(t.Context(), w.a, doorRef(id), sealed)
		require.NoError(t, err)
		require.Equal(t, doorCode(int(id), written[id].Load()), string(s.Reveal()), "a write was lost")
		seen++
	}
	require.NoError(t, rows.Err())
	require.Equal(t, n, seen)
}

// stale counts values under a key that is not the active one.
func (w *world) stale(t testing.TB) (n int) {
	t.Helper()
	require.NoError(t, w.admin.QueryRow(t.Context(), `select count(*) from app.doors where substr(code, 2, 4) = '\x00000001'`).Scan(&n))
	return n
}

func (w *world) startResealer(t testing.TB) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	job, err := json.Marshal(resealerJob{URL: w.AppURL, Key: w.Key.Encode(), KEK: w.path, Tenant: w.a.String()})
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), resealerEnv+"="+string(job))
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}
