package crypto

import (
	"container/list"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/watertight-go/watertight/tenancy"
)

// loadTimeout bounds one fetch of a key. It is the cache's own because a fetch
// serves every caller that waits for it, and must not end with the first one.
const loadTimeout = 15 * time.Second

// keyName is a key of the cache: a tenant and a number, 0 for "the active one".
type keyName struct {
	tenant tenancy.ID
	id     uint32
}

// keyCache remembers data keys for a bounded time and fetches each missing key
// once, however many callers want it. Errors are never remembered.
type keyCache struct {
	ttl  time.Duration
	size int
	now  func() time.Time

	mu      sync.Mutex
	entries map[keyName]*list.Element // of *cacheEntry
	used    *list.List                // most recent first
	flights map[keyName]*flight
	// epoch counts the clearings, so that a fetch which began before one does
	// not put its old answer back after it.
	epoch uint64
}

type cacheEntry struct {
	name    keyName
	key     dataKey
	expires time.Time
}

// flight is one fetch under way. key and err are set before done is closed.
type flight struct {
	done chan struct{}
	key  dataKey
	err  error
}

func (c *keyCache) init(ttl time.Duration, size int) {
	c.ttl, c.size, c.now = ttl, size, time.Now
	c.entries = make(map[keyName]*list.Element)
	c.used = list.New()
	c.flights = make(map[keyName]*flight)
}

// get returns a copy of the named key, so that evicting one can overwrite it
// while another caller still works with its own copy.
func (c *keyCache) get(ctx context.Context, name keyName, load func(context.Context) (dataKey, error)) (dataKey, error) {
	c.mu.Lock()
	if key, ok := c.lookup(name); ok {
		c.mu.Unlock()
		return key, nil
	}
	f, ok := c.flights[name]
	if !ok {
		f = &flight{done: make(chan struct{})}
		c.flights[name] = f
		go c.fetch(context.WithoutCancel(ctx), name, f, c.epoch, load)
	}
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.key, f.err
	case <-ctx.Done():
		return dataKey{}, ctx.Err()
	}
}

// fetch runs load for a flight and remembers its answer, unless the cache was
// cleared meanwhile.
func (c *keyCache) fetch(ctx context.Context, name keyName, f *flight, epoch uint64, load func(context.Context) (dataKey, error)) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	key, err := load(ctx)

	c.mu.Lock()
	f.key, f.err = key, err
	if c.flights[name] == f {
		delete(c.flights, name)
	}
	if err == nil && epoch == c.epoch {
		c.add(name, key)
		if name.id == 0 { // the active key is also a key with a number
			c.add(keyName{name.tenant, key.id}, key)
		}
	}
	c.mu.Unlock()
	close(f.done)
}

// lookup returns a key that has not expired. The caller holds the lock.
func (c *keyCache) lookup(name keyName) (dataKey, bool) {
	e, ok := c.entries[name]
	if !ok {
		return dataKey{}, false
	}
	entry := e.Value.(*cacheEntry)
	if !c.now().Before(entry.expires) {
		c.remove(e)
		return dataKey{}, false
	}
	c.used.MoveToFront(e)
	return entry.key, true
}

// add remembers a key. The caller holds the lock.
func (c *keyCache) add(name keyName, key dataKey) {
	if old, ok := c.entries[name]; ok {
		c.remove(old)
	}
	for c.used.Len() >= c.size {
		c.remove(c.used.Back())
	}
	// A tenth more or less, so that keys fetched together after a start do not
	// all come back to the KMS in the same second for ever.
	jitter := time.Duration((rand.Float64() - 0.5) * 0.2 * float64(c.ttl))
	c.entries[name] = c.used.PushFront(&cacheEntry{name, key, c.now().Add(c.ttl + jitter)})
}

// remove forgets an entry and overwrites its key. The caller holds the lock.
func (c *keyCache) remove(e *list.Element) {
	entry := c.used.Remove(e).(*cacheEntry)
	delete(c.entries, entry.name)
	entry.key.clear()
}

func (c *keyCache) forget(t tenancy.ID) {
	c.drop(func(n keyName) bool { return n.tenant == t })
}

func (c *keyCache) clearAll() {
	c.drop(func(keyName) bool { return true })
}

// drop removes matching entries and lets go of matching fetches: whoever asks
// from now on starts a new one.
func (c *keyCache) drop(match func(keyName) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for name, e := range c.entries {
		if match(name) {
			c.remove(e)
		}
	}
	for name := range c.flights {
		if match(name) {
			delete(c.flights, name)
		}
	}
}
