package crypto

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func testHasher(tb testing.TB, cost int) *Hasher {
	tb.Helper()
	h, err := NewHasher(HasherConfig{Cost: cost, WeakCostForTests: true})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// mustHash makes a hash at any cost, past the checks of Hasher.
func mustHash(tb testing.TB, password string, cost int) string {
	tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		tb.Fatal(err)
	}
	return string(hash)
}

func TestBcryptVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/bcrypt.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Comment, Password, Hash, Result string
		}
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Vectors) < 20 {
		t.Fatalf("%d vectors, %v", len(file.Vectors), err)
	}
	h := testHasher(t, 4)
	results := map[string]error{"valid": nil, "mismatch": ErrMismatch, "format": ErrHashFormat}
	for _, v := range file.Vectors {
		pw, err := hex.DecodeString(v.Password)
		if err != nil {
			t.Fatal(err)
		}
		want, known := results[v.Result]
		if got := h.Verify(context.Background(), v.Hash, NewSecret(pw)); !known || !errors.Is(got, want) {
			t.Errorf("%s: %s with %q: %v, want %s", v.Comment, v.Hash, pw, got, v.Result)
		}
	}
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := testHasher(t, 5)
	for _, pw := range []string{"a", "correct horse battery", strings.Repeat("x", 72), "zażółć gęślą jaźń", "🐎🔋"} {
		hash, err := h.Hash(ctx, SecretString(pw))
		if err != nil || !strings.HasPrefix(hash, "$2a$05$") {
			t.Fatalf("%q: %s, %v", pw, hash, err)
		}
		if err := h.Verify(ctx, hash, SecretString(pw)); err != nil {
			t.Errorf("%q: %v", pw, err)
		}
		if err := h.Verify(ctx, hash, SecretString(pw+"x")); !errors.Is(err, ErrMismatch) {
			t.Errorf("%q with a letter more: %v", pw, err)
		}
		if h.NeedsRehash(hash) {
			t.Errorf("%s needs no rehash", hash)
		}
	}
}

// TestBcryptLimits holds what bcrypt alone does not, on both sides. The first
// assertions show that the hole is there.
func TestBcryptLimits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := testHasher(t, 4)
	long := strings.Repeat("x", 72)
	if bcrypt.CompareHashAndPassword([]byte(mustHash(t, long, 4)), []byte(long+"DIFFERENT")) != nil {
		t.Log("x/crypto/bcrypt no longer truncates; the guard may go")
	}
	for name, c := range map[string]struct {
		stored, typed string
		hash          error
	}{
		"73 bytes":                {long, long + "y", ErrPasswordTooLong},
		"200 bytes":               {long, long + strings.Repeat("y", 128), ErrPasswordTooLong},
		"37 letters of two bytes": {strings.Repeat("ż", 36), strings.Repeat("ż", 36) + "ż", ErrPasswordTooLong},
		"NUL and repetition":      {"ab", "ab\x00ab", ErrPasswordNUL},
		"NUL at the end":          {"ab", "ab\x00", ErrPasswordNUL},
		"empty":                   {"ab", "", ErrPasswordEmpty},
	} {
		if _, err := h.Hash(ctx, SecretString(c.typed)); !errors.Is(err, c.hash) {
			t.Errorf("%s: Hash: %v, want %v", name, err, c.hash)
		}
		if err := h.Verify(ctx, mustHash(t, c.stored, 4), SecretString(c.typed)); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: Verify: %v, want ErrMismatch", name, err)
		}
	}
	// The limit counts after NFC: 72 letters written in two code points each fit.
	if _, err := h.Hash(ctx, SecretString(strings.Repeat("e\u0301", 36))); err != nil {
		t.Errorf("72 bytes in NFC: %v", err)
	}
}

func TestNormalisation(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := testHasher(t, 4)
	composed, decomposed := "caf\u00e9 au lait", "cafe\u0301 au lait"
	hash, err := h.Hash(ctx, SecretString(decomposed))
	if err != nil {
		t.Fatal(err)
	}
	for _, pw := range []string{composed, decomposed} {
		if err := h.Verify(ctx, hash, SecretString(pw)); err != nil {
			t.Errorf("%+q: %v", pw, err)
		}
	}
	for _, pw := range []string{"cafe au lait", "CAF\u00c9 AU LAIT", " caf\u00e9 au lait", "caf\u00e9 au lait "} {
		if err := h.Verify(ctx, hash, SecretString(pw)); !errors.Is(err, ErrMismatch) {
			t.Errorf("%+q: %v: nothing but NFC may be changed", pw, err)
		}
	}
}

func TestHashGrammar(t *testing.T) {
	t.Parallel()
	h := testHasher(t, 4)
	good := mustHash(t, "password", 4)
	body := good[7:]
	for _, bad := range []string{
		"$2x$04$" + body, "$2z$04$" + body, "$2$04$" + body, "$1a$04$" + body, "$2a$4$" + body,
		"$2a$16$" + body, "$2a$31$" + body, "$2a$03$" + body, "$2a$00$" + body, good + " ", good + "\n", good + "x", good[:59],
		" " + good, "$2a$04$" + body[:52] + "=", "$2a$04$" + body[:52] + "é", "x",
	} {
		if err := h.Verify(context.Background(), bad, SecretString("password")); !errors.Is(err, ErrHashFormat) {
			t.Errorf("%q: %v, want ErrHashFormat", bad, err)
		}
		if !h.NeedsRehash(bad) {
			t.Errorf("%q does not need a rehash", bad)
		}
	}
}

func TestNeedsRehash(t *testing.T) {
	t.Parallel()
	h := testHasher(t, 6)
	body := mustHash(t, "x", 4)[7:]
	for hash, want := range map[string]bool{
		"$2a$06$" + body: false, "$2b$06$" + body: false, "$2a$07$" + body: false,
		"$2y$06$" + body: true, "$2a$05$" + body: true, "$2a$04$" + body: true,
	} {
		if got := h.NeedsRehash(hash); got != want {
			t.Errorf("%s: %v, want %v", hash[:7], got, want)
		}
	}
}

// TestEveryFailureCostsTheSame counts the bcrypt rounds of each way to fail. It
// says in exact numbers what TestFailuresTakeTheSameTime says in time.
func TestEveryFailureCostsTheSame(t *testing.T) {
	t.Parallel()
	const cost = 7
	type failure struct {
		hash, password string
	}
	failures := map[string]failure{
		"unknown user":         {"", "wrong"},
		"unknown user, empty":  {"", ""},
		"unknown user, long":   {"", strings.Repeat("x", 200)},
		"wrong password":       {mustHash(t, "right", cost), "wrong"},
		"wrong, old cost":      {mustHash(t, "right", 4), "wrong"},
		"wrong, one cost less": {mustHash(t, "right", cost-1), "wrong"},
		"empty password":       {mustHash(t, "right", cost), ""},
		"too long, old cost":   {mustHash(t, "right", 5), strings.Repeat("x", 73)},
		"NUL":                  {mustHash(t, "right", cost), "right\x00"},
		"broken hash":          {"$2a$07$", "right"},
	}
	check := func(h *Hasher, want int) {
		t.Helper()
		for name, f := range failures {
			rounds := 0
			h.ran = func(n int) { rounds += n }
			if err := h.Verify(context.Background(), f.hash, SecretString(f.password)); err == nil {
				t.Errorf("%s: verified", name)
			}
			if rounds != want {
				t.Errorf("%s: %d rounds, want %d", name, rounds, want)
			}
		}
	}
	h := testHasher(t, cost)
	check(h, 1<<cost)
	// A user of a time when the cost was higher: from his first sign-in on,
	// everybody takes as long as he does.
	failures["wrong, higher cost"] = failure{mustHash(t, "right", cost+1), "wrong"}
	_ = h.Verify(context.Background(), failures["wrong, higher cost"].hash, SecretString("wrong"))
	check(h, 1<<(cost+1))
}

func TestBusyAndCancelled(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(HasherConfig{Cost: 4, WeakCostForTests: true, MaxParallel: 1, MaxQueue: 2})
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	var running, most atomic.Int64
	h.ran = func(int) {
		most.Store(max(most.Load(), running.Add(1)))
		entered <- struct{}{}
		<-leave
		running.Add(-1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	results := make(chan error, 3)
	verify := func(ctx context.Context) { results <- h.Verify(ctx, "", SecretString("x")) }
	go verify(context.Background())
	<-entered
	go verify(context.Background())
	go verify(ctx)
	for h.waiting.Load() != 2 {
		time.Sleep(time.Millisecond)
	}
	if err := h.Verify(context.Background(), "", SecretString("x")); !errors.Is(err, ErrBusy) {
		t.Errorf("a caller over the queue: %v, want ErrBusy", err)
	}
	if _, err := h.Hash(context.Background(), SecretString("x")); !errors.Is(err, ErrBusy) {
		t.Errorf("Hash over the queue: %v, want ErrBusy", err)
	}
	cancel()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up waiting: %v", err)
	}
	close(leave)
	for range 2 {
		if err := <-results; !errors.Is(err, ErrMismatch) {
			t.Errorf("a caller that waited its turn: %v", err)
		}
	}
	if most.Load() != 1 || h.waiting.Load() != 0 || len(h.slots) != 0 {
		t.Errorf("%d at once, %d waiting, %d slots taken; want 1, 0, 0", most.Load(), h.waiting.Load(), len(h.slots))
	}
	if err := h.Verify(ctx, "", SecretString("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller with a free slot: %v", err)
	}
}

func TestHasherConfigIsValidated(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]HasherConfig{
		"cost 9": {Cost: 9}, "cost 16": {Cost: 16}, "cost 3": {Cost: 3, WeakCostForTests: true}, "cost 31": {Cost: 31},
		"negative": {MaxParallel: -1}, "negative queue": {MaxQueue: -1},
	} {
		if _, err := NewHasher(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	h, err := NewHasher(HasherConfig{})
	if err != nil || h.cost != 12 || cap(h.slots) < 1 || h.queue != 64 {
		t.Errorf("defaults: %+v, %v", h, err)
	}
}

func TestHasherConcurrently(t *testing.T) {
	t.Parallel()
	h := testHasher(t, 4)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				_ = h.Verify(context.Background(), h.anyHash(4+i%3), SecretString("x"))
			}
		})
	}
	wg.Wait()
}

func (h *Hasher) anyHash(cost int) string { return string(h.dummies[cost]) }

func TestCalibrate(t *testing.T) {
	t.Parallel()
	if c := Calibrate(0); c != 10 {
		t.Errorf("Calibrate(0) = %d", c)
	}
	if c := Calibrate(time.Hour); c != 15 {
		t.Errorf("Calibrate(1h) = %d", c)
	}
}
