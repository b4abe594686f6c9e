package adopt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/adopt"
)

// Environment of a process of its own that applies a plan and is killed.
const (
	childURL = "ADOPT_TEST_URL"
	childDir = "ADOPT_TEST_DIR"
)

// child applies a plan and says each statement, until it is killed or done.
func child() int {
	steps, err := adopt.Load(os.Getenv(childDir))
	if err == nil {
		err = adopt.Apply(context.Background(), os.Getenv(childURL), steps, adopt.Run{Rest: -1, Blocks: 1, Progress: func(e adopt.Event) {
			fmt.Println(e.Step.Number, e.Statement, e.Note)
		}})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A run that is killed goes on where it was: no statement is lost, and none
// runs twice that may run once only.
func TestKilledRunGoesOn(t *testing.T) {
	t.Parallel()
	db := shopDatabase(t)
	plan := read(t, db.AdminURL, adopt.Config{})
	dir := t.TempDir()
	require.NoError(t, plan.Write(dir))
	kills := 0
	for lines := 1; ; lines += 9 { // farther each time, also within a step and the backfill
		require.Less(t, kills, 100)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childURL+"="+db.AdminURL, childDir+"="+dir)
		var problem strings.Builder
		cmd.Stderr = &problem
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		killed := killAfter(cmd, out, lines)
		if err := cmd.Wait(); !killed {
			require.NoError(t, err, problem.String())
			break
		}
		kills++
	}
	require.Greater(t, kills, 3)
	steps := write(t, plan)
	last, err := adopt.Applied(t.Context(), db.AdminURL, steps)
	require.NoError(t, err)
	require.Equal(t, len(steps), last)
	conn := connect(t, db.AdminURL)
	require.Zero(t, number(t, conn, "select count(*) from orders o join customers c on c.id = o.customer_id join organizations g on g.id = c.organization_id where o.tenant_id <> g.tenant_id"))
	require.EqualValues(t, 1000, number(t, conn, "select count(*) from orders"))
}

// killAfter kills a process when it has written some lines.
func killAfter(cmd *exec.Cmd, out interface{ Read([]byte) (int, error) }, lines int) bool {
	buffer := make([]byte, 1)
	for {
		n, err := out.Read(buffer)
		if err != nil {
			return false
		}
		if n == 1 && buffer[0] == '\n' {
			if lines--; lines == 0 {
				_ = cmd.Process.Kill()
				return true
			}
		}
	}
}

func number(t *testing.T, conn *pgx.Conn, sql string) int64 {
	t.Helper()
	var n int64
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&n), sql)
	return n
}

// Rows that are written while the plan is applied get their tenant too: none is
// left without, and none has another's.
func TestRowsWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	db := shopDatabase(t)
	steps := write(t, read(t, db.AdminURL, adopt.Config{}))
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	failed, written := make(chan error, 4), make(chan struct{}, 1)
	for w := range 2 {
		conn := connect(t, db.AdminURL)
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := write3(t.Context(), conn, w, n); err != nil {
					failed <- err
					return
				}
				select {
				case written <- struct{}{}:
				default:
				}
			}
		})
	}
	<-written
	batches := 0
	err := adopt.Apply(t.Context(), db.AdminURL, steps, adopt.Run{To: 8, Rest: -1, Blocks: 1, Progress: func(e adopt.Event) {
		if strings.HasPrefix(e.Note, "filled ") {
			batches++
			<-written // somebody writes between any two batches
		}
	}})
	stop()
	writers.Wait()
	close(failed)
	require.NoError(t, err)
	require.NoError(t, errors.Join(<-failed, <-failed), "the application as it was never fails")
	require.Greater(t, batches, 3)

	conn := connect(t, db.AdminURL)
	require.Greater(t, number(t, conn, "select count(*) from orders"), int64(1000))
	for _, table := range []string{"organizations", "customers", "orders"} {
		require.Zero(t, number(t, conn, "select count(*) from "+table+" where tenant_id is null"), table)
	}
	require.Zero(t, number(t, conn, "select count(*) from customers c join organizations g on g.id = c.organization_id where c.tenant_id <> g.tenant_id"))
	require.Zero(t, number(t, conn, "select count(*) from orders o join customers c on c.id = o.customer_id where o.tenant_id <> c.tenant_id"))
}

// write3 is what the application as it was does: it adds a tenant with a
// customer and orders, changes some, and moves a customer to another tenant.
func write3(ctx context.Context, conn *pgx.Conn, w, n int) error {
	for _, sql := range []string{
		fmt.Sprintf("insert into organizations (name) values ('New %d %d')", w, n),
		fmt.Sprintf("insert into customers (organization_id, email) select max(id), 'new%d-%d' from organizations", w, n),
		fmt.Sprintf("insert into orders (customer_id, total) select id, 1 from customers where email = 'new%d-%d'", w, n),
		"update orders set total = total + 1 where id in (select id from orders order by random() limit 3)",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// A statement that gets no lock gives up, lets others through, and tries again.
func TestLocksAreWaitedForInTurns(t *testing.T) {
	t.Parallel()
	db := shopDatabase(t)
	steps := write(t, read(t, db.AdminURL, adopt.Config{}))
	holder := connect(t, db.AdminURL)
	tx, err := holder.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "insert into orders (customer_id, total) select min(id), 1 from customers")
	require.NoError(t, err)

	tries := 0
	err = adopt.Apply(t.Context(), db.AdminURL, steps, adopt.Run{To: 3, LockTimeout: 20 * time.Millisecond, Attempts: 3, Progress: func(e adopt.Event) {
		if e.Note != "" && strings.Contains(e.Note, "attempt") {
			tries++
		}
	}})
	require.ErrorContains(t, err, "others held on to what it needs 3 times")
	require.Equal(t, 2, tries)

	require.NoError(t, adopt.Apply(t.Context(), db.AdminURL, steps, adopt.Run{To: 3, LockTimeout: 20 * time.Millisecond, Progress: func(e adopt.Event) {
		if strings.Contains(e.Note, "attempt 2 ") {
			require.NoError(t, tx.Commit(t.Context()))
		}
	}}))
}

// A role that policies hold for would check nothing, and say that all is well.
func TestRoleThatSeesNotEveryRow(t *testing.T) {
	t.Parallel()
	db := shopDatabase(t)
	steps := write(t, read(t, db.AdminURL, adopt.Config{}))
	_, url := db.Login(t)
	require.ErrorContains(t, adopt.Apply(t.Context(), url, steps, adopt.Run{}), "does not see every row")
}

func TestSchemaThatChangedSinceThePlan(t *testing.T) {
	t.Parallel()
	db := shopDatabase(t)
	steps := write(t, read(t, db.AdminURL, adopt.Config{}))
	run(t, connect(t, db.AdminURL), "create table late (id bigint primary key, customer_id bigint references customers (id))")
	require.ErrorContains(t, adopt.Apply(t.Context(), db.AdminURL, steps, adopt.Run{}), "changed since the plan was written")
}
