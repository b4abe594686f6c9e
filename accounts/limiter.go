package accounts

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

// ErrLimited: too many attempts from one address or at one account. It says
// nothing of whether the account exists. Answer 429.
var ErrLimited = errors.New("too many attempts (answer 429 and let the client try again later)")

// A Limiter is asked before anything that costs work or could be guessed: a
// sign-in, by the caller's network address and by the e-mail address that he
// typed, and the look-up of an API key, by the caller's network address. Every
// error refuses; return one that matches [ErrLimited] for too many attempts.
//
// The kinds are "sign_in.ip", "sign_in.account" and "api_key.ip". The key of an
// account is a hash, so that a limiter in a shared store holds no addresses.
type Limiter interface {
	Allow(ctx context.Context, kind, key string) error
}

// Rate is how much a [MemoryLimiter] lets through: Burst at once, and PerMinute
// after that.
type Rate struct {
	Burst     int
	PerMinute float64
}

// DefaultRates are those of a MemoryLimiter: per address 30 sign-ins at once
// and 30 a minute, since an office shares an address; per account 10 and 2; per
// address 600 API keys and 6,000 a minute, of which most are good ones.
func DefaultRates() map[string]Rate {
	return map[string]Rate{
		"sign_in.ip":      {30, 30},
		"sign_in.account": {10, 2},
		"api_key.ip":      {600, 6000},
	}
}

// MemoryLimiter is a Limiter that counts in this process. Several processes
// each let through what one does; put a shared one in its place to count
// together. The lock of an account, which is in the database, holds for all.
type MemoryLimiter struct {
	// Rates by kind. A kind that is not among them is refused. Defaults to
	// DefaultRates.
	Rates map[string]Rate

	// Most is how many keys are remembered. When they are used up, those that
	// have been idle longest are forgotten. Defaults to 100,000.
	Most int

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

type bucketKey struct{ kind, key string }

type bucket struct {
	left float64
	at   time.Time
}

var _ Limiter = (*MemoryLimiter)(nil)

// Allow implements [Limiter].
func (l *MemoryLimiter) Allow(_ context.Context, kind, key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now
	if l.Now != nil {
		now = l.Now
	}
	if l.Rates == nil {
		l.Rates = DefaultRates()
	}
	rate, ok := l.Rates[kind]
	if !ok {
		return ErrLimited
	}
	b := l.bucket(bucketKey{kind, key}, rate, now())
	if b.left < 1 {
		return ErrLimited
	}
	b.left--
	return nil
}

// bucket returns a key's bucket, filled up to now.
func (l *MemoryLimiter) bucket(k bucketKey, rate Rate, now time.Time) *bucket {
	if l.buckets == nil {
		l.buckets = map[bucketKey]*bucket{}
	}
	b := l.buckets[k]
	if b == nil {
		l.makeRoom(now)
		b = &bucket{left: float64(rate.Burst), at: now}
		l.buckets[k] = b
	}
	if since := now.Sub(b.at); since > 0 {
		b.left = math.Min(float64(rate.Burst), b.left+since.Minutes()*rate.PerMinute)
		b.at = now
	}
	return b
}

// makeRoom forgets full buckets, which are as good as none, and if that is not
// enough half of the others, the idlest first: an attacker with many addresses
// pushes out his own, not those that are at their limit right now.
func (l *MemoryLimiter) makeRoom(now time.Time) {
	most := l.Most
	if most == 0 {
		most = 100_000
	}
	if len(l.buckets) < most {
		return
	}
	var oldest time.Duration
	for k, b := range l.buckets {
		idle := now.Sub(b.at)
		if rate := l.Rates[k.kind]; b.left+idle.Minutes()*rate.PerMinute >= float64(rate.Burst) {
			delete(l.buckets, k)
			continue
		}
		oldest = max(oldest, idle)
	}
	for bound := oldest / 2; len(l.buckets) > most/2; bound /= 2 {
		for k, b := range l.buckets {
			if bound <= 0 || now.Sub(b.at) >= bound { // at 0 all go, also where the clock went back
				delete(l.buckets, k)
			}
		}
	}
}
