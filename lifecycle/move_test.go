package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/placement"
)

// regions are two databases; eu is the home of the directory.
type regions struct {
	eu, us *world
	fault  func(string) error
	dbs    map[string]*DB
}

func newRegions(t *testing.T) *regions {
	t.Helper()
	r := &regions{eu: newWorld(t), us: newWorld(t)}
	hook := Config{Fault: func(step string) error {
		if r.fault == nil {
			return nil
		}
		return r.fault(step)
	}}
	r.dbs = map[string]*DB{"eu": r.eu.open(t, hook), "us": r.us.open(t, hook)}
	require.NoError(t, r.dbs["eu"].SetPlace(t.Context(), operator, r.eu.alpha, "eu"))
	require.NoError(t, r.dbs["eu"].SetPlace(t.Context(), operator, r.us.alpha, "us"))
	return r
}

func (r *regions) config() MoveConfig {
	return MoveConfig{At: func(_ context.Context, place string) (*DB, error) {
		if db := r.dbs[place]; db != nil {
			return db, nil
		}
		return nil, fmt.Errorf("no place %s", place)
	}}
}

func (r *regions) move(t *testing.T, to string) error {
	t.Helper()
	return r.dbs["eu"].Move(t.Context(), operator, r.eu.alpha, to, r.config())
}

// rowsOf are the tenant's rows, without what a move may change.
func rowsOf(t *testing.T, w *world, id tenancy.ID) map[string]string {
	t.Helper()
	d := w.digests(t, id)
	for _, name := range []string{"watertight.audit_event", "watertight.kept_logs"} {
		delete(d, name)
	}
	return d
}

func isGone(t *testing.T, w *world, id tenancy.ID) {
	t.Helper()
	for name, sum := range w.digests(t, id) {
		require.Equal(t, "0 ", sum, name)
	}
	require.Empty(t, w.files.m[id])
}

func TestMove(t *testing.T) {
	t.Parallel()
	r := newRegions(t)
	ctx := t.Context()
	app := map[string]string{"eu": r.eu.AppURL, "us": r.us.AppURL}
	keys := map[string]tenancy.ContextKey{"eu": r.eu.Key, "us": r.us.Key}
	opened := []string{}
	open := func(ctx context.Context, place string, reg tenancy.Registry) (*tenancy.DB, error) {
		opened = append(opened, place)
		return tenancy.Open(ctx, app[place], tenancy.Config{Key: keys[place], Registry: reg})
	}
	home, err := tenancy.Open(ctx, r.eu.AppURL, tenancy.Config{Key: r.eu.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(home.Close)
	router, err := placement.New(placement.Config{Places: placement.Table(home), Open: open, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(router.Close)
	anna := tenancy.Actor{UserID: r.eu.anna, Email: "anna@alpha.example"}
	write := func(db *tenancy.DB, s tenancy.Scope, word string) error {
		_, err := db.For(s).Exec(ctx, "insert into app.words (tenant_id, word, n) values ($1, $2, 1)", r.eu.alpha, word)
		return err
	}

	db, scope, err := router.Admit(ctx, anna, r.eu.alpha)
	require.NoError(t, err)
	require.NoError(t, write(db, scope, "before"))
	require.Equal(t, []string{"eu"}, opened, "the other place's pool is not opened yet")
	// In the wrong place nobody is admitted, and nothing is sent there.
	wrong, err := open(ctx, "us", router.Registry("us"))
	require.NoError(t, err)
	t.Cleanup(wrong.Close)
	_, err = wrong.Admit(ctx, anna, r.eu.alpha)
	require.ErrorIs(t, err, placement.ErrWrongPlacement)
	_, err = wrong.AdmitJob(ctx, r.eu.alpha, "nightly")
	require.ErrorIs(t, err, placement.ErrWrongPlacement)
	// One who has no placement is nowhere.
	_, _, err = router.Admit(ctx, anna, tenancy.NewID())
	require.ErrorIs(t, err, placement.ErrNoPlacement)

	// Whoever writes during the move is refused by name: who comes, and who was
	// admitted before. What was written before arrives.
	tried := 0
	r.fault = func(step string) error {
		if step == "move copy" || step == "move import" || step == "move switch" {
			tried++
			require.ErrorIs(t, write(db, scope, "during "+step), tenancy.ErrMoving)
			_, err := db.Admit(ctx, anna, r.eu.alpha)
			require.ErrorIs(t, err, tenancy.ErrMoving)
		}
		return nil
	}
	before := rowsOf(t, r.eu, r.eu.alpha)
	files := len(r.eu.files.m[r.eu.alpha])
	neighbours := []map[string]string{r.eu.digests(t, r.eu.beta), r.us.digests(t, r.us.alpha), r.us.digests(t, r.us.beta)}
	require.NoError(t, r.move(t, "us"))
	require.Equal(t, 3, tried)
	require.Equal(t, before, rowsOf(t, r.us, r.eu.alpha))
	require.Len(t, r.us.files.m[r.eu.alpha], files)
	isGone(t, r.eu, r.eu.alpha)
	require.Equal(t, neighbours, []map[string]string{r.eu.digests(t, r.eu.beta), r.us.digests(t, r.us.alpha), r.us.digests(t, r.us.beta)})

	// The router finds out, and work goes on there.
	db, scope, err = router.Admit(ctx, anna, r.eu.alpha)
	require.NoError(t, err)
	require.NoError(t, write(db, scope, "after"))
	require.NoError(t, r.move(t, "us"), "there already")
	// And back again.
	r.fault = nil
	require.NoError(t, r.move(t, "eu"))
	isGone(t, r.us, r.eu.alpha)
}

// Ended at every step, a move goes on when it is run again, or is taken back;
// the tenant is in one place at every moment, whole.
func TestMoveEndedAtEveryStep(t *testing.T) {
	t.Parallel()
	r := newRegions(t)
	ctx := t.Context()
	before := rowsOf(t, r.eu, r.eu.alpha)
	places := []*world{r.eu, r.us}
	at := 0 // where the tenant is
	kill := func(step string) {
		r.fault = func(s string) error {
			if s == step {
				return errors.New("killed")
			}
			return nil
		}
	}
	for _, step := range []string{"move close", "move copy", "export app.kinds", "move import", "import app.kinds", "import commit", "move copied", "move switch"} {
		kill(step)
		require.ErrorIs(t, r.move(t, []string{"us", "eu"}[at]), errFault, step)
		r.fault = nil
		require.NoError(t, r.dbs["eu"].CancelMove(ctx, operator, r.eu.alpha, r.config()), step)
		require.Equal(t, before, rowsOf(t, places[at], r.eu.alpha), step)
		isGone(t, places[1-at], r.eu.alpha)
	}
	for _, step := range []string{"move copy", "import commit", "move copied", "move switch", "move open", "move erase", "erase keys", "erase app.kinds", "erase log", "erase end", "move end"} {
		kill(step)
		to := []string{"us", "eu"}[at]
		require.ErrorIs(t, r.move(t, to), errFault, step)
		r.fault = nil
		require.NoError(t, r.move(t, to), step)
		isGone(t, places[at], r.eu.alpha)
		at = 1 - at
		require.Equal(t, before, rowsOf(t, places[at], r.eu.alpha), step)
	}
}

// A move that cannot succeed opens the tenant again.
func TestMoveThatFailsIsTakenBack(t *testing.T) {
	t.Parallel()
	r := newRegions(t)
	before := rowsOf(t, r.eu, r.eu.alpha)
	r.us.exec(t, `alter table app.words add column more int`)
	var conflict *ConflictError
	require.ErrorAs(t, r.move(t, "us"), &conflict)
	require.Equal(t, before, rowsOf(t, r.eu, r.eu.alpha), "with the status that it had")
	isGone(t, r.us, r.eu.alpha)
	require.ErrorContains(t, r.move(t, "mars"), "no place mars")
	require.Equal(t, before, rowsOf(t, r.eu, r.eu.alpha))
}

// A write that was under way when the tenant closed is waited for.
func TestMoveWaitsForWriters(t *testing.T) {
	t.Parallel()
	r := newRegions(t)
	tx, err := r.eu.admin.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), "insert into app.words values ($1, 'in flight', 1)", r.eu.alpha)
	require.NoError(t, err)
	done := make(chan error, 1)
	waited := make(chan struct{})
	rounds := 0
	r.fault = func(step string) error {
		switch step {
		case "move wait":
			if rounds++; rounds == 3 {
				close(waited)
			}
		case "move copy":
			if rounds < 3 {
				return errors.New("copied while somebody was writing")
			}
		}
		return nil
	}
	go func() { done <- r.dbs["eu"].Move(context.Background(), operator, r.eu.alpha, "us", r.config()) }()
	select {
	case <-waited:
	case err := <-done:
		require.NoError(t, err)
		require.Fail(t, "moved while somebody was writing")
	}
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-done)
	var n int
	require.NoError(t, r.us.admin.QueryRow(t.Context(), "select count(*) from app.words where tenant_id = $1 and word = 'in flight'", r.eu.alpha).Scan(&n))
	require.Equal(t, 1, n)
}

// A write that came in all the same, while the tenant was copied, is noticed
// before the switch, and is not lost.
func TestMoveNoticesALateWrite(t *testing.T) {
	t.Parallel()
	r := newRegions(t)
	r.fault = func(step string) error {
		if step == "move import" {
			r.eu.exec(t, `insert into app.words values ($1, 'late', 1)`, r.eu.alpha)
		}
		return nil
	}
	require.ErrorContains(t, r.move(t, "us"), "app.words was written to while the tenant was copied")
	isGone(t, r.us, r.eu.alpha)
	r.fault = nil
	require.NoError(t, r.move(t, "us"))
	var n int
	require.NoError(t, r.us.admin.QueryRow(t.Context(), "select count(*) from app.words where tenant_id = $1 and word = 'late'", r.eu.alpha).Scan(&n))
	require.Equal(t, 1, n)
}
