package crypto

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"
)

const (
	// DefaultCost is bcrypt's work factor: about a quarter of a second.
	DefaultCost = 12
	// maxCost is the largest work factor that is run. A hash read from a
	// database could otherwise keep a processor busy for hours.
	maxCost = 15
	// maxPasswordBytes is where bcrypt stops reading. The library refuses
	// longer passwords when it hashes but cuts them silently when it compares.
	maxPasswordBytes = 72
)

// hashGrammar is stricter than the parser of x/crypto/bcrypt, which accepts
// unknown versions, trailing bytes and a cost of 31.
var hashGrammar = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$`)

// HasherConfig tunes a [Hasher]. The zero value is a good one.
type HasherConfig struct {
	// Cost is bcrypt's work factor for new hashes: each step doubles the time.
	// Between 10 and 15; Defaults to [DefaultCost]. See [Calibrate].
	Cost int

	// MaxParallel is how many passwords are worked on at once. Defaults to one
	// less than GOMAXPROCS and at least 1, so that a wave of sign-ins leaves a
	// processor to everybody else.
	MaxParallel int

	// MaxQueue is how many callers may wait for their turn; the next one gets
	// [ErrBusy]. Defaults to 64.
	MaxQueue int

	// WeakCostForTests allows a Cost from 4 to 9.
	WeakCostForTests bool
}

func (c HasherConfig) validate() (HasherConfig, error) {
	if c.Cost == 0 {
		c.Cost = DefaultCost
	}
	if c.MaxParallel == 0 {
		c.MaxParallel = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 64
	}
	least := 10
	if c.WeakCostForTests {
		least = bcrypt.MinCost
	}
	switch {
	case c.Cost < least || c.Cost > maxCost:
		return c, fmt.Errorf("bcrypt cost %d is out of range (from %d to %d)", c.Cost, least, maxCost)
	case c.MaxParallel < 0 || c.MaxQueue < 0:
		return c, errors.New("hasher limits are negative (set HasherConfig.MaxParallel and MaxQueue to 0 for their defaults)")
	}
	return c, nil
}

// Hasher hashes passwords with bcrypt and guards what bcrypt leaves open:
// silent truncation, NUL, foreign hash formats, endless costs, and the load of
// many sign-ins at once. [Passwords] adds the sealed storage; use that one
// unless the hashes are kept by something else.
//
// Passwords are put into Unicode normal form NFC first, so that "é" typed on
// two keyboards is one password. Nothing else is changed, and nothing is
// hashed before bcrypt, so hashes of PHP, Ruby, Python and others verify here
// and the other way round.
type Hasher struct {
	cost    int
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
	// ceiling is the highest cost seen: a user whose hash is dearer than the
	// configured cost must not stand out by taking longer.
	ceiling atomic.Int64
	dummies [maxCost + 1][]byte
	// ran counts the bcrypt rounds, for the test that all answers cost the same.
	ran func(rounds int)
}

// NewHasher returns a Hasher, or an error that names the field at fault.
func NewHasher(cfg HasherConfig) (*Hasher, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	h := &Hasher{
		cost:  cfg.Cost,
		slots: make(chan struct{}, cfg.MaxParallel),
		queue: int64(cfg.MaxQueue),
		ran:   func(int) {},
	}
	h.ceiling.Store(int64(cfg.Cost))
	for cost := bcrypt.MinCost; cost <= maxCost; cost++ {
		h.dummies[cost] = dummyHash(cost)
	}
	return h, nil
}

// Hash returns the bcrypt hash of a password in the form "$2a$…". The errors
// are [ErrPasswordEmpty], [ErrPasswordTooLong], [ErrPasswordNUL], [ErrBusy] and
// that of ctx. Check a new password against a [Policy] before.
func (h *Hasher) Hash(ctx context.Context, password Secret) (string, error) {
	pw := normalize(password)
	defer clear(pw)
	if err := usable(pw); err != nil {
		return "", err
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	h.ran(1 << h.cost)
	hash, err := bcrypt.GenerateFromPassword(pw, h.cost)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return string(hash), nil
}

// Verify returns nil if the password is the one that was hashed. An empty hash
// stands for a user who does not exist: it takes the time of a wrong password
// and gives the same [ErrMismatch]. Other errors are [ErrHashFormat],
// [ErrBusy] and that of ctx.
//
// Do not hold a database transaction while it runs, and count failures per
// account and address before it: see the package comment.
func (h *Hasher) Verify(ctx context.Context, hash string, password Secret) error {
	pw := normalize(password)
	defer clear(pw)
	release, err := h.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()

	if hash == "" {
		h.burn(pw, int(h.ceiling.Load()))
		return ErrMismatch
	}
	cost, ok := hashCost(hash)
	if !ok {
		h.burn(pw, int(h.ceiling.Load()))
		return ErrHashFormat
	}
	ceiling := h.raiseCeiling(cost)
	if usable(pw) != nil {
		// bcrypt would compare a part of it, or take it for another one.
		h.burn(pw, ceiling)
		return ErrMismatch
	}
	h.ran(1 << cost)
	if bcrypt.CompareHashAndPassword([]byte(hash), pw) == nil {
		return nil
	}
	// 2^c and then 2^c + 2^(c+1) + … + 2^(C-1) make exactly 2^C rounds, which
	// is what everybody else's failure takes.
	for ; cost < ceiling; cost++ {
		h.burn(pw, cost)
	}
	return ErrMismatch
}

// NeedsRehash reports whether a hash is cheaper than the configured cost or of
// another program's version. Ask after a successful Verify only: it is the one
// moment at which the password is known.
func (h *Hasher) NeedsRehash(hash string) bool {
	cost, ok := hashCost(hash)
	return !ok || cost < h.cost || hash[2] == 'y'
}

// burn spends the time of one comparison at cost.
func (h *Hasher) burn(pw []byte, cost int) {
	h.ran(1 << cost)
	_ = bcrypt.CompareHashAndPassword(h.dummies[cost], pw)
}

// raiseCeiling returns the highest cost seen so far, this one included.
func (h *Hasher) raiseCeiling(cost int) int {
	for {
		seen := h.ceiling.Load()
		if int64(cost) <= seen {
			return int(seen)
		}
		if h.ceiling.CompareAndSwap(seen, int64(cost)) {
			return cost
		}
	}
}

// acquire waits for a slot and returns the function that gives it back.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	release = func() { <-h.slots }
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case h.slots <- struct{}{}:
		return release, nil
	default:
	}
	if h.waiting.Add(1) > h.queue {
		h.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// normalize returns a copy of the password in NFC. Bytes that are not UTF-8
// stay as they are; a [Policy] refuses them in a new password.
func normalize(password Secret) []byte { return norm.NFC.Append(nil, password.bytes()...) }

// usable refuses what bcrypt cannot tell apart: it reads 72 bytes, and repeats
// a shorter password with a NUL after each repetition.
func usable(pw []byte) error {
	if len(pw) == 0 {
		return ErrPasswordEmpty
	}
	if len(pw) > maxPasswordBytes {
		return ErrPasswordTooLong
	}
	for _, b := range pw {
		if b == 0 {
			return ErrPasswordNUL
		}
	}
	return nil
}

// hashCost reads the cost of a well-formed hash.
func hashCost(hash string) (int, bool) {
	m := hashGrammar.FindStringSubmatch(hash)
	if m == nil {
		return 0, false
	}
	cost, err := strconv.Atoi(m[1])
	return cost, err == nil
}

// dummyHash returns a well-formed hash that belongs to no password. Comparing
// with it takes as long as with any other of its cost.
func dummyHash(cost int) []byte {
	var random [40]byte
	_, _ = rand.Read(random[:]) // never fails; the process ends if the system has no randomness
	// Same 64 letters as bcrypt's own alphabet, and that is all that matters.
	letters := base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
	return fmt.Appendf(nil, "$2a$%02d$%s", cost, letters.EncodeToString(random[:])[:53])
}

// Calibrate returns the cost whose time on this machine is nearest below the
// target, between 10 and 15. Use it as a help to choose a cost, not at every
// start: machines that choose differently tell their users apart.
func Calibrate(target time.Duration) int {
	start := time.Now()
	_ = bcrypt.CompareHashAndPassword(dummyHash(8), []byte("calibrate"))
	cost, took := 8, time.Since(start)
	for cost < maxCost && took*2 <= target {
		cost, took = cost+1, took*2
	}
	return max(cost, 10)
}
