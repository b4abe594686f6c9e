package lifecycle

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
)

func TestErasureIsScheduledAndCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	app, err := tenancy.Open(ctx, w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}})
	require.NoError(t, err)
	t.Cleanup(app.Close)
	anna := tenancy.Actor{UserID: w.anna, Email: "anna@alpha.example"}
	scope, err := app.Admit(ctx, anna, w.alpha)
	require.NoError(t, err)
	read := func() error {
		var n int
		return app.For(scope).QueryRow(ctx, "select count(*) from app.words where tenant_id = $1", w.alpha).Scan(&n)
	}
	require.NoError(t, read())

	end := time.Now().Add(-10 * 24 * time.Hour)
	e, err := w.life.ScheduleErasure(ctx, operator, w.alpha, ErasureConfig{Reason: "licence ended", LicenceEnds: end})
	require.NoError(t, err)
	require.WithinDuration(t, end.Add(30*24*time.Hour), e.DueAt, time.Second)
	// Closed to who comes, and to who was admitted before.
	_, err = app.Admit(ctx, anna, w.alpha)
	require.Error(t, err)
	require.ErrorContains(t, read(), "the tenant is closing")
	_, err = w.life.Erase(ctx, operator, w.alpha)
	require.ErrorIs(t, err, ErrNotDue)
	done, err := w.life.Due(ctx, operator)
	require.NoError(t, err)
	require.Empty(t, done)

	require.NoError(t, w.life.CancelErasure(ctx, operator, w.alpha))
	require.NoError(t, read())
	_, err = w.life.Erase(ctx, operator, w.alpha)
	require.ErrorIs(t, err, ErrNotScheduled)

	// The time comes.
	_, err = w.life.ScheduleErasure(ctx, operator, w.alpha, ErasureConfig{Reason: "licence ended", LicenceEnds: time.Now().Add(-31 * 24 * time.Hour)})
	require.NoError(t, err)
	done, err = w.life.Due(ctx, operator)
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.Equal(t, "done", done[0].State)
	require.Positive(t, done[0].Rows)
	require.NotNil(t, done[0].BackupsUntil)
	require.ErrorIs(t, w.life.CancelErasure(ctx, operator, w.alpha), ErrNotScheduled)

	// The platform's log keeps the end of the tenant's.
	var diff string
	require.NoError(t, w.admin.QueryRow(ctx, `select diff::text from watertight.audit_event where tenant_id = '00000000-0000-0000-0000-000000000000' and action = 'watertight.erased' and entity_id = $1::text and diff::text ~ 'root'`, w.alpha).Scan(&diff))
	require.Contains(t, diff, `"events"`)
}

// Ended at every step, an erasure goes on from there, cannot be taken back, and
// touches nobody else.
func TestErasureEndedAtEveryStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	neighbour := w.digests(t, w.beta)
	_, err := w.life.ScheduleErasure(ctx, operator, w.alpha, ErasureConfig{Reason: "licence ended", Now: true})
	require.NoError(t, err)
	seen := map[string]bool{}
	for {
		// Each run ends at the first step that no run has reached before.
		died := ""
		life := w.open(t, Config{Fault: func(step string) error {
			if !seen[step] {
				seen[step], died = true, step
				return errors.New("killed")
			}
			return nil
		}})
		_, err := life.Erase(ctx, operator, w.alpha)
		life.Close()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, errFault)
		require.ErrorIs(t, w.life.CancelErasure(ctx, operator, w.alpha), ErrTooLate, died)
		require.Equal(t, neighbour["app.kinds"], w.digests(t, w.beta)["app.kinds"])
	}
	require.Greater(t, len(seen), 50)
	require.Equal(t, neighbour, w.digests(t, w.beta))
	v, err := VerifyErased(ctx, w.admin, w.alpha, VerifyErasedConfig{Files: w.files})
	require.NoError(t, err)
	require.Empty(t, v.Found)
	require.Empty(t, v.NotLooked)
	require.NotEmpty(t, v.Kept)
}

// Forty canaries are planted in every kind of place. Before the erasure each is
// found in a dump of the whole database or in the file store; afterwards none.
func TestNoCanaryIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	canaries := plant(t, w)
	require.Len(t, canaries, 40)
	left := func() (found []string) {
		dump := dumpAll(t, w)
		for _, c := range canaries {
			if holds(dump, c) || holds(w.files.everything(), c) {
				found = append(found, c)
			}
		}
		return found
	}
	require.Len(t, left(), 40, "the control: all are found before")
	w.eraseNow(t, w.alpha)
	require.Empty(t, left())
	v, err := VerifyErased(ctx, w.admin, w.alpha, VerifyErasedConfig{Files: w.files, Also: canaries})
	require.NoError(t, err)
	require.Empty(t, v.Found)

	// The verifier sees what was left: in a table, in a large object, in the
	// store, and hidden in JSON or bytes.
	require.NoError(t, w.files.Create(ctx, w.alpha, File{Key: "left", Size: 1}, strings.NewReader("x")))
	w.exec(t, `create table app.notes (id int, j jsonb, b bytea)`)
	w.exec(t, `insert into app.notes values (1, jsonb_build_object('deep', array[$1::text]), null), (2, null, convert_to($2, 'UTF8'))`, w.alpha.String(), canaries[0])
	w.exec(t, `select lo_from_bytea(0, convert_to($1, 'UTF8'))`, canaries[1])
	v, err = VerifyErased(ctx, w.admin, w.alpha, VerifyErasedConfig{Files: w.files, Also: canaries})
	require.NoError(t, err)
	var where []string
	for _, f := range v.Found {
		where = append(where, fmt.Sprintf("%s %d", f.Where, f.Count))
	}
	require.ElementsMatch(t, []string{"app.notes 2", "large objects 1", "files 1"}, where)

	// A role that sees through policies only would find nothing, and is refused.
	_, err = VerifyErased(ctx, w.App(t), w.alpha, VerifyErasedConfig{})
	require.Error(t, err)
}

// plant writes one canary each into forty places of the tenant.
func plant(t *testing.T, w *world) []string {
	t.Helper()
	var all []string
	next := func() string {
		c := fmt.Sprintf("canary%02dq7z", len(all))
		all = append(all, c)
		return c
	}
	w.exec(t, `update watertight.tenants set name = $2 where id = $1`, w.alpha, next())
	w.exec(t, `update watertight.users set email = $2 where tenant_id = $1`, w.alpha, next()+"@x.example")
	w.exec(t, `update watertight.users set display_name = $2 where tenant_id = $1`, w.alpha, next())
	w.exec(t, `update watertight.calendar_connections set account = $2, scopes = array[$3] where tenant_id = $1`, w.alpha, next(), next())
	w.exec(t, `update watertight.calendar_busy set subject = $2 where tenant_id = $1`, w.alpha, next())
	w.exec(t, `update watertight.tenant_keys set kek_id = $2 where tenant_id = $1`, w.alpha, next())
	w.exec(t, `insert into watertight.kept_logs values ($1, 1, 1, convert_to($2, 'UTF8'))`, w.alpha, next())
	w.exec(t, `insert into app.kinds (tenant_id, te, jb, js, by, ta, pa, na, "Odd, ""name") values ($1, $2, jsonb_build_object('a', $3::text), json_build_object('a', $4::text), convert_to($5, 'UTF8'), array[$6], row(1, $7, null), $8, $9)`,
		w.alpha, next(), next(), next(), next(), next(), next(), next(), next())
	w.exec(t, `insert into app.tree values ($1, 77, null, $2)`, w.alpha, next())
	w.exec(t, `insert into app.words values ($1, $2, 1)`, w.alpha, next())
	w.exec(t, `insert into watertight.sessions (tenant_id, id, user_id, family_hash, turn_hash, user_agent, methods, expires_at) values ($1, gen_random_uuid(), $2, $3, $3, $4, array[$5], now())`,
		w.alpha, w.anna, make([]byte, 32), next(), next())
	w.exec(t, `insert into watertight.api_keys (tenant_id, id, name, prefix, hash, role, created_by, expires_at) values ($1, gen_random_uuid(), $3, 'wt_abcdefgh', $4, 'viewer', $2, now())`,
		w.alpha, w.anna, next(), make([]byte, 32))
	// In the log: what was changed, and deleted since.
	w.exec(t, `insert into app.words values ($1, 'gone', 1)`, w.alpha)
	w.exec(t, `update app.tree set label = $2 where tenant_id = $1 and id = 5`, w.alpha, next())
	w.exec(t, `delete from app.words where tenant_id = $1 and word = 'gone'`, w.alpha)
	for i := 0; len(all) < 38; i++ {
		w.exec(t, fmt.Sprintf(`update "Own/s"."t %02d" set note = $2 where tenant_id = $1 and id = 1`, i*2), w.alpha, next())
	}
	require.NoError(t, w.files.Create(t.Context(), w.alpha, File{Key: next(), Size: 1}, strings.NewReader("x")))
	body := next()
	require.NoError(t, w.files.Create(t.Context(), w.alpha, File{Key: "body", Size: int64(len(body))}, strings.NewReader(body)))
	return all
}

// holds looks for a canary as text, as hex (bytea) and as base64.
func holds(b []byte, canary string) bool {
	return bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte(hex.EncodeToString([]byte(canary)))) ||
		bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(canary))))
}

func (f *memFiles) everything() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b bytes.Buffer
	for _, m := range f.m {
		for k, v := range m {
			b.WriteString(k)
			b.Write(v)
		}
	}
	return b.Bytes()
}

// dumpAll is pg_dump where it is installed, and otherwise every row as text.
func dumpAll(t *testing.T, w *world) []byte {
	t.Helper()
	if path := pgDump(); path != "" {
		out, err := exec.Command(path, "--inserts", "--dbname", w.AdminURL).Output()
		if err == nil && len(out) > 0 {
			return out
		}
		t.Logf("pg_dump did not work, every table is read instead: %v", err)
	}
	rows, err := w.admin.Query(t.Context(), `select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'm') and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast')`)
	require.NoError(t, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(t, rows.Err())
	var b bytes.Buffer
	for _, name := range tables {
		rows, err := w.admin.Query(t.Context(), "select r::text from "+name+" r")
		require.NoError(t, err)
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			b.WriteString(line)
		}
		require.NoError(t, rows.Err())
	}
	return b.Bytes()
}

func pgDump() string {
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/pg_dump", "/usr/pgsql-*/bin/pg_dump"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if path, err := exec.LookPath("pg_dump"); err == nil {
		return path
	}
	return os.Getenv("PG_DUMP")
}

// After a restore of an old backup the ledger kept outside brings the erasures
// back.
func TestLedgerIsReplayedAfterARestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	backup, _ := w.export(t, w.alpha)
	w.eraseNow(t, w.alpha)
	ledger, err := w.life.Ledger(ctx, operator)
	require.NoError(t, err)
	text, err := json.Marshal(ledger)
	require.NoError(t, err)
	require.NotContains(t, string(text), "alpha.example")

	// As after a restore: the tenant is there, the ledger knows nothing.
	w.exec(t, `delete from watertight.erasure`)
	require.NoError(t, w.importBundle(t, backup, ImportConfig{}))
	before := w.digests(t, w.beta)
	var outside []Erasure
	require.NoError(t, json.Unmarshal(text, &outside))
	back, err := w.life.Replay(ctx, operator, outside)
	require.NoError(t, err)
	require.Equal(t, []tenancy.ID{w.alpha}, back)
	for name, sum := range w.digests(t, w.alpha) {
		require.Equal(t, "0 ", sum, name)
	}
	require.Equal(t, before, w.digests(t, w.beta))
	back, err = w.life.Replay(ctx, operator, outside)
	require.NoError(t, err)
	require.Empty(t, back)
}
