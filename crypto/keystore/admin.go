package keystore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// RetireAfter is how long an old key is kept after a rotation at least: until
// no process can have it in memory as the active one. A ring remembers a key
// for MaxKeyTTL and a tenth at most, plus the time of one fetch.
const RetireAfter = 2 * crypto.MaxKeyTTL

// Rotate gives the tenant a new active data key and returns its number. The
// former one opens what it sealed until [Resealer] has sealed it anew. It runs
// in the caller's transaction. A tenant that has no key yet is
// [crypto.ErrNoKey], one whose keys were destroyed [crypto.ErrKeyDestroyed].
func Rotate(ctx context.Context, c *crosstenant.Conn, ring *crypto.Ring, t tenancy.ID) (uint32, error) {
	q := platform.New(c)
	keys, err := q.LockTenantKeys(ctx, t)
	if err != nil {
		return 0, fmt.Errorf("rotate key: %w", err)
	}
	if len(keys) == 0 {
		return 0, crypto.ErrNoKey
	}
	retired, err := q.RetireTenantKey(ctx, t)
	if err != nil {
		return 0, fmt.Errorf("rotate key: %w", err)
	}
	if retired == 0 {
		return 0, crypto.ErrKeyDestroyed
	}
	next := uint32(keys[len(keys)-1].KeyID) + 1
	key, err := ring.NewWrappedKey(ctx, t, next)
	if err != nil {
		return 0, fmt.Errorf("rotate key: %w", err)
	}
	if err := q.AddTenantKey(ctx, t, int32(next), key.KEK, key.Wrapped); err != nil {
		return 0, fmt.Errorf("rotate key: %w", err)
	}
	return next, nil
}

// Destroy destroys every key of the tenant and returns how many there were.
// What was sealed under them cannot be read again, and the tenant gets no new
// key. See the package comment for what backups and running processes keep.
func Destroy(ctx context.Context, c *crosstenant.Conn, t tenancy.ID) (int, error) {
	n, err := platform.New(c).DestroyTenantKeys(ctx, t)
	if err != nil {
		return 0, fmt.Errorf("destroy keys: %w", err)
	}
	return int(n), nil
}

// Retired is an old key that [Retire] looked at.
type Retired struct {
	KeyID     uint32
	Destroyed bool
	Why       string // why not, if it was not destroyed
}

// Retire destroys those old keys of the tenant that no value in a registered
// column is sealed under, and that were retired at least grace ago; grace is
// [RetireAfter] or more. Values that are kept elsewhere, in files or in columns
// that were never registered, it does not see: re-seal those first.
func Retire(ctx context.Context, c *crosstenant.Conn, t tenancy.ID, grace time.Duration) ([]Retired, error) {
	if grace < RetireAfter {
		return nil, fmt.Errorf("a grace of %s is too short (at least %s, for keys that running processes remember)", grace, RetireAfter)
	}
	return retire(ctx, c, t, grace)
}

func retire(ctx context.Context, c *crosstenant.Conn, t tenancy.ID, grace time.Duration) ([]Retired, error) {
	q := platform.New(c)
	keys, err := q.LockTenantKeys(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("retire keys: %w", err)
	}
	columns, err := platformColumns(ctx, q)
	if err != nil {
		return nil, err
	}
	inUse, err := countByKey(ctx, c, t, columns)
	if err != nil {
		return nil, err
	}
	var out []Retired
	for _, k := range keys {
		if crypto.KeyState(k.State) != crypto.KeyDecryptOnly {
			continue
		}
		r := Retired{KeyID: uint32(k.KeyID)}
		if n := inUse[r.KeyID]; n > 0 {
			r.Why = fmt.Sprintf("%d values are still sealed under it (run watertight keys reseal)", n)
			out = append(out, r)
			continue
		}
		n, err := q.DestroyTenantKey(ctx, t, k.KeyID, grace.Seconds())
		if err != nil {
			return nil, fmt.Errorf("retire keys: %w", err)
		}
		if r.Destroyed = n == 1; !r.Destroyed {
			r.Why = fmt.Sprintf("it was retired less than %s ago, and a process may still seal with it", grace)
		}
		out = append(out, r)
	}
	return out, nil
}

// Rewrap wraps data keys anew with the ring's first KEK: those wrapped by
// another one or, with every, all of them, for a key management service that
// renews its key under the same name. It returns how many it wrapped. Each
// batch is a transaction of its own, so a run that is stopped goes on where it
// was. A key that cannot be unwrapped stops the run; the ones before it are done.
func Rewrap(ctx context.Context, db *crosstenant.DB, a tenancy.Actor, ring *crypto.Ring, every bool) (int, error) {
	const page = 200
	done, more := 0, true
	after := platform.KeysToRewrapRow{}
	for more {
		err := db.Run(ctx, a, "re-wrap the tenants' data keys", func(ctx context.Context, c *crosstenant.Conn) error {
			q := platform.New(c)
			rows, err := q.KeysToRewrap(ctx, ring.WrapsWith(), every, after.TenantID.UUID(), after.KeyID, page)
			if err != nil {
				return err
			}
			for _, row := range rows {
				n, err := rewrapOne(ctx, q, ring, row)
				if err != nil {
					return err
				}
				done += int(n)
				after = row
			}
			more = len(rows) == page
			return nil
		})
		if err != nil {
			return done, fmt.Errorf("re-wrap data keys: %w", err)
		}
	}
	return done, nil
}

func rewrapOne(ctx context.Context, q *platform.Queries, ring *crypto.Ring, row platform.KeysToRewrapRow) (int64, error) {
	key, err := ring.Rewrap(ctx, crypto.WrappedKey{
		Tenant: row.TenantID, ID: uint32(row.KeyID), KEK: row.KekID,
		Wrapped: row.Wrapped, State: crypto.KeyState(row.State),
	})
	if err != nil {
		return 0, fmt.Errorf("key %d of tenant %s: %w", row.KeyID, row.TenantID, err)
	}
	return q.RewrapTenantKey(ctx, key.KEK, key.Wrapped, row.TenantID, row.KeyID, row.Wrapped)
}

// errNoRing is for callers that forgot the ring.
var errNoRing = errors.New("no key ring was given (make one with crypto.NewRing)")
