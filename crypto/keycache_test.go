package crypto

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watertight-go/watertight/tenancy"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newCache(ttl time.Duration, size int) (*keyCache, *clock) {
	c, at := new(keyCache), &clock{now: time.Unix(1_800_000_000, 0)}
	c.init(ttl, size)
	c.now = at.read
	return c, at
}

// counter loads keys and counts how often it was asked.
type counter struct{ loads atomic.Int64 }

func (l *counter) load(id uint32) func(context.Context) (dataKey, error) {
	return func(context.Context) (dataKey, error) {
		l.loads.Add(1)
		return dataKey{id: id, bytes: [32]byte{byte(id)}}, nil
	}
}

func TestCacheRemembersForTTL(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, at := newCache(time.Minute, 10)
	name, l := keyName{tenancy.NewID(), 1}, &counter{}
	get := func() {
		t.Helper()
		if k, err := c.get(ctx, name, l.load(1)); err != nil || k.bytes[0] != 1 {
			t.Fatalf("get: %v, %v", k.id, err)
		}
	}
	get()
	at.advance(53 * time.Second) // a tenth of jitter either way
	get()
	if n := l.loads.Load(); n != 1 {
		t.Errorf("loaded %d times within the TTL, want once", n)
	}
	at.advance(14 * time.Second)
	get()
	if n := l.loads.Load(); n != 2 {
		t.Errorf("loaded %d times after the TTL, want twice", n)
	}
}

// TestCacheLoadsOnce lets many callers want one missing key.
func TestCacheLoadsOnce(t *testing.T) {
	t.Parallel()
	c, _ := newCache(time.Minute, 10)
	l := &counter{}
	started, finish := make(chan struct{}), make(chan struct{})
	slow := func(ctx context.Context) (dataKey, error) {
		if l.loads.Add(1) == 1 {
			close(started)
		}
		<-finish
		return dataKey{id: 1, bytes: [32]byte{1}}, nil
	}
	name := keyName{tenancy.NewID(), 1}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if k, err := c.get(context.Background(), name, slow); err != nil || k.id != 1 {
				t.Errorf("get: %v, %v", k.id, err)
			}
		})
	}
	<-started
	// A caller that gives up does not take the others' answer with it.
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.get(gone, name, slow); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	close(finish)
	wg.Wait()
	if n := l.loads.Load(); n != 1 {
		t.Errorf("loaded %d times, want once", n)
	}
}

func TestCacheSurvivesFirstCallersCancel(t *testing.T) {
	t.Parallel()
	c, _ := newCache(time.Minute, 10)
	name := keyName{tenancy.NewID(), 1}
	first, cancel := context.WithCancel(context.Background())
	started := make(chan struct{})
	load := func(ctx context.Context) (dataKey, error) {
		close(started)
		<-first.Done()
		return dataKey{id: 1}, ctx.Err() // fails if the fetch is the first caller's
	}
	errs := make(chan error)
	go func() { _, err := c.get(first, name, load); errs <- err }()
	<-started
	go func() { _, err := c.get(context.Background(), name, load); errs <- err }()
	cancel()
	failed := 0
	for range 2 {
		if err := <-errs; errors.Is(err, context.Canceled) {
			failed++
		}
	}
	if failed > 1 {
		t.Error("the second caller failed with the first one's context")
	}
}

func TestCacheNeverRemembersErrors(t *testing.T) {
	t.Parallel()
	c, _ := newCache(time.Minute, 10)
	name := keyName{tenancy.NewID(), 1}
	broken := errors.New("kms is down")
	fail := func(context.Context) (dataKey, error) { return dataKey{}, broken }
	if _, err := c.get(context.Background(), name, fail); !errors.Is(err, broken) {
		t.Fatalf("err = %v", err)
	}
	l := &counter{}
	if _, err := c.get(context.Background(), name, l.load(1)); err != nil || l.loads.Load() != 1 {
		t.Errorf("after an error: %v, %d loads", err, l.loads.Load())
	}
}

func TestCacheEvictsLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, _ := newCache(time.Minute, 2)
	l := &counter{}
	a, b, d := keyName{tenancy.NewID(), 1}, keyName{tenancy.NewID(), 2}, keyName{tenancy.NewID(), 3}
	for _, n := range []keyName{a, b, a, d} {
		if _, err := c.get(ctx, n, l.load(n.id)); err != nil {
			t.Fatal(err)
		}
	}
	entry := c.entries[a].Value.(*cacheEntry)
	if _, ok := c.entries[b]; ok || len(c.entries) != 2 || c.used.Len() != 2 {
		t.Errorf("%d entries, b remembered: %v; want a and d", len(c.entries), ok)
	}
	c.clearAll()
	if entry.key.bytes != [32]byte{} || len(c.entries) != 0 || c.used.Len() != 0 {
		t.Error("clearing leaves a key behind")
	}
}

// TestCacheClearBeatsAFetch clears while a fetch is under way: what it brings
// is handed to those who waited, and not remembered.
func TestCacheClearBeatsAFetch(t *testing.T) {
	t.Parallel()
	for name, clearIt := range map[string]func(*keyCache, tenancy.ID){
		"clear":  func(c *keyCache, _ tenancy.ID) { c.clearAll() },
		"forget": (*keyCache).forget,
	} {
		c, _ := newCache(time.Minute, 10)
		n := keyName{tenancy.NewID(), 0}
		started, finish := make(chan struct{}), make(chan struct{})
		done := make(chan error)
		go func() {
			_, err := c.get(context.Background(), n, func(context.Context) (dataKey, error) {
				close(started)
				<-finish
				return dataKey{id: 1}, nil
			})
			done <- err
		}()
		<-started
		clearIt(c, n.tenant)
		l := &counter{}
		if k, err := c.get(context.Background(), n, l.load(2)); err != nil || k.id != 2 {
			t.Errorf("%s: a caller after it got key %d, %v", name, k.id, err)
		}
		close(finish)
		if err := <-done; err != nil {
			t.Errorf("%s: the waiting caller got %v", name, err)
		}
		if k, err := c.get(context.Background(), n, l.load(9)); err != nil || k.id != 2 {
			t.Errorf("%s: remembered key %d, %v; want 2", name, k.id, err)
		}
	}
}

func TestCacheForgetsOneTenant(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, _ := newCache(time.Minute, 10)
	l := &counter{}
	a, b := tenancy.NewID(), tenancy.NewID()
	for _, t := range []tenancy.ID{a, b} {
		_, _ = c.get(ctx, keyName{t, 0}, l.load(1))
	}
	c.forget(a)
	_, _ = c.get(ctx, keyName{b, 1}, l.load(1))
	if n := l.loads.Load(); n != 2 {
		t.Errorf("%d loads: forgetting one tenant touched another, or the active key was not remembered by its number", n)
	}
	_, _ = c.get(ctx, keyName{a, 1}, l.load(1))
	if n := l.loads.Load(); n != 3 {
		t.Errorf("%d loads: the forgotten tenant's key is still there", n)
	}
}
