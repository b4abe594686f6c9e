package files_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// With the tenant's keys no file opens, of that tenant only.
func TestDestroyedKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	f, theirs := put(t, w.fa, "a.txt", "Alpha's"), put(t, w.fb, "b.txt", "Beta's")
	got, err := get(t, w.fa, f.ID)
	require.NoError(t, err)
	require.Equal(t, "Alpha's", got)
	w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := keystore.Destroy(ctx, c, w.a)
		return err
	})
	w.ring.Forget(w.a)
	_, err = get(t, w.fa, f.ID)
	require.ErrorIs(t, err, crypto.ErrOpen)
	_, err = w.fa.Stat(ctx, f.ID)
	require.ErrorIs(t, err, crypto.ErrOpen)
	read := &during{rest: strings.NewReader("x"), fn: func() { t.Error("content was read for a tenant without keys") }}
	_, err = w.fa.Create(ctx, files.Upload{Name: "c.txt", Size: 1}, read)
	require.ErrorIs(t, err, crypto.ErrKeyDestroyed)
	require.Len(t, names(t, w.fa), 1, "what is left is listed")
	got, err = get(t, w.fb, theirs.ID)
	require.NoError(t, err)
	require.Equal(t, "Beta's", got)
	// And can be deleted.
	require.NoError(t, w.fa.Delete(ctx, f.ID))
}

// A new data key: keys reseal takes the files' keys along and no object is
// touched; the old key can then go.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	var list []files.File
	for i := range 5 {
		list = append(list, put(t, w.fa, fmt.Sprint(i), fmt.Sprintf("content %d", i)))
	}
	before, err := w.raw.ReadAll(ctx, w.object(t, list[0].ID))
	require.NoError(t, err)
	w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		_, err := keystore.Rotate(ctx, c, w.ring, w.a)
		return err
	})
	w.ring.Forget(w.a)
	young := put(t, w.fa, "young", "content")
	require.Equal(t, uint32(1), w.keyOf(t, list[0]))
	require.Equal(t, uint32(2), w.keyOf(t, young))

	resealer := &keystore.Resealer{DB: w.db, Ring: w.ring, BatchSize: 2, Pause: -1}
	short, cancel := context.WithCancel(ctx)
	resealer.Progress = func(keystore.Progress) { cancel() } // dies after the first batch
	_, err = resealer.Tenant(short, w.a)
	require.ErrorIs(t, err, context.Canceled)
	resealer.Progress = nil
	done, err := resealer.Tenant(ctx, w.a)
	require.NoError(t, err)
	require.Equal(t, keystore.Resealed{Resealed: 3}, done, "the first two were done before")
	_, err = w.admin.Exec(ctx, `update watertight.tenant_keys set retired_at = retired_at - interval '1 day' where state = 'decrypt_only'`)
	require.NoError(t, err)
	w.run(t, func(ctx context.Context, c *crosstenant.Conn) error {
		retired, err := keystore.Retire(ctx, c, w.a, keystore.RetireAfter)
		require.Len(t, retired, 1)
		return err
	})
	w.ring.Forget(w.a)
	for i, f := range list {
		require.Equal(t, uint32(2), w.keyOf(t, f))
		got, err := get(t, w.fa, f.ID)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("content %d", i), got)
	}
	after, err := w.raw.ReadAll(ctx, w.object(t, list[0].ID))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func (w *world) keyOf(t *testing.T, f files.File) uint32 {
	t.Helper()
	var sealed []byte
	require.NoError(t, w.admin.QueryRow(t.Context(), `select sealed from watertight.files where id = $1`, f.ID).Scan(&sealed))
	id, ok := crypto.KeyID(sealed)
	require.True(t, ok)
	return id
}

// Whoever has bucket and database may exchange objects, rows and keys; nothing
// opens where it was not put.
func TestExchanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	ctx := t.Context()
	const text = "contents of one length "
	a1, a2, b := put(t, w.fa, "1", text+"1"), put(t, w.fa, "2", text+"2"), put(t, w.fb, "b", text+"b")
	object := func(f files.File) []byte {
		sealed, err := w.raw.ReadAll(ctx, w.object(t, f.ID))
		require.NoError(t, err)
		return sealed
	}
	original := map[string][]byte{}
	for _, f := range []files.File{a1, a2, b} {
		original[w.object(t, f.ID)] = object(f)
	}
	exec := func(sql string, args ...any) {
		t.Helper()
		_, err := w.admin.Exec(ctx, sql, args...)
		require.NoError(t, err, sql)
	}
	exec(`create table public.kept as select * from watertight.files`)
	for what, change := range map[string]func(){
		"another object of the tenant": func() { require.NoError(t, w.raw.WriteAll(ctx, w.object(t, a1.ID), object(a2), nil)) },
		"the object of another tenant": func() { require.NoError(t, w.raw.WriteAll(ctx, w.object(t, a1.ID), object(b), nil)) },
		"the key of another file": func() {
			exec(`update watertight.files set sealed = (select sealed from public.kept where id = $2) where id = $1`, a1.ID, a2.ID)
		},
		"the key and object of another file": func() {
			exec(`update watertight.files set sealed = (select sealed from public.kept where id = $2) where id = $1`, a1.ID, a2.ID)
			require.NoError(t, w.raw.WriteAll(ctx, w.object(t, a1.ID), object(a2), nil))
		},
		"the key and object of another tenant": func() {
			exec(`update watertight.files set sealed = (select sealed from public.kept where id = $2) where id = $1`, a1.ID, b.ID)
			require.NoError(t, w.raw.WriteAll(ctx, w.object(t, a1.ID), object(b), nil))
		},
		"the row points to the other object": func() {
			exec(`update watertight.files set object = gen_random_uuid() where id = $1`, a2.ID)
			exec(`update watertight.files set object = (select object from public.kept where id = $2) where id = $1`, a1.ID, a2.ID)
		},
		"another size in the row": func() {
			exec(`update watertight.files set size = size - 1, sealed_size = sealed_size - 1 where id = $1`, a1.ID)
		},
		"another size in the row only": func() { exec(`update watertight.files set size = size - 1 where id = $1`, a1.ID) },
		"an object that was cut":       func() { require.NoError(t, w.raw.WriteAll(ctx, w.object(t, a1.ID), object(a1)[:60], nil)) },
		"an object that is empty":      func() { require.NoError(t, w.raw.WriteAll(ctx, w.object(t, a1.ID), nil, nil)) },
		"an object that is gone":       func() { require.NoError(t, w.raw.Delete(ctx, w.object(t, a1.ID))) },
		"an object that was longer":    func() { require.NoError(t, w.raw.WriteAll(ctx, w.object(t, a1.ID), append(object(a1), 0), nil)) },
	} {
		change()
		got, err := get(t, w.fa, a1.ID)
		require.Error(t, err, what)
		require.True(t, errorsIsAny(err, files.ErrCorrupt, crypto.ErrOpen), "%s: %v", what, err)
		require.Empty(t, got, what)
		exec(`update watertight.files f set object = gen_random_uuid() where id in (select id from public.kept)`)
		exec(`update watertight.files f set object = k.object, sealed = k.sealed, size = k.size, sealed_size = k.sealed_size from public.kept k where k.id = f.id`)
		for key, sealed := range original {
			require.NoError(t, w.raw.WriteAll(ctx, key, sealed, nil))
		}
		got, err = get(t, w.fa, a1.ID)
		require.NoError(t, err, "the control after %s", what)
		require.Equal(t, text+"1", got)
	}
}

// The attack that a team plugs into its leak suite, there and alone.
func TestAttack(t *testing.T) {
	t.Parallel()
	for _, driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, driver)
			attempts, err := files.Attack(t.Context(), w.store, w.anna, w.bob)
			require.NoError(t, err)
			require.Len(t, attempts, 12)
			for _, a := range attempts {
				require.False(t, a.Leaked, "%s: %s", a.Attack, a.Detail)
				require.NotEmpty(t, a.Control, a.Attack)
			}
			require.Empty(t, names(t, w.fa))
			require.Empty(t, names(t, w.fb))
			require.Empty(t, w.objects(t))
			_, err = files.Attack(t.Context(), w.store, w.anna, w.anna)
			require.ErrorContains(t, err, "one tenant")
		})
	}
}

// With a policy that lets every row through, the queries' own clauses hold.
func TestAttackWithoutPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	_, err := w.admin.Exec(t.Context(), `drop event trigger watertight_protected; drop event trigger watertight_audit_trigger`)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), `create policy leak on watertight.files using (true)`)
	require.NoError(t, err)
	attempts, err := files.Attack(t.Context(), w.store, w.anna, w.bob)
	require.NoError(t, err)
	for _, a := range attempts {
		require.False(t, a.Leaked, a.Attack)
	}
}

// A leak that was planted is found: a trigger that copies what one tenant keeps
// to the other. Even so no content opens.
func TestAttackFindsALeak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	put(t, w.fa, "a.txt", "Alpha's")
	// The audit trigger, which refuses a row of another tenant, goes first.
	_, err := w.admin.Exec(t.Context(), `drop event trigger watertight_protected; drop event trigger watertight_audit_trigger`)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), `alter table watertight.files disable trigger watertight_audit`)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), `create function public.share() returns trigger language plpgsql security definer as $$
		begin
			insert into watertight.files (tenant_id, id, object, name, content_type, size, sealed_size, state, sealed)
			values ('`+w.a.String()+`', new.id, new.object, new.name, new.content_type, new.size, new.sealed_size, 'ready', new.sealed)
			on conflict do nothing;
			return null;
		end $$`)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), `create trigger share after update on watertight.files for each row when (new.state = 'ready') execute function public.share()`)
	require.NoError(t, err)
	attempts, err := files.Attack(t.Context(), w.store, w.anna, w.bob)
	require.NoError(t, err)
	leaked := map[string]bool{}
	for _, a := range attempts {
		leaked[a.Attack] = a.Leaked
	}
	require.True(t, leaked["list files by a name"])
	require.True(t, leaked["list all files"])
	require.False(t, leaked["read a file by its id"])
	require.False(t, leaked["put an object in the place of one's own"])
}

func execAt(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestAttackInTheLeakSuite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "memory")
	// The suite copies what it attacks, which takes a database that nobody is
	// connected to; files are attacked where they are.
	own := pgtest.New(t, pgtest.Config{Empty: true})
	for _, sql := range []string{
		`create table notes (tenant_id uuid, id bigint, primary key (tenant_id, id))`,
		`alter table notes enable row level security, force row level security`,
		`create policy own on notes using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)`,
		`grant select, insert, update, delete on notes to watertight_app`,
	} {
		execAt(t, own.AdminURL, sql)
	}
	report, err := leaktest.Check(t.Context(), leaktest.Config{
		URL: own.AdminURL, AppRole: "watertight_app", TenantSetting: "app.tenant_id",
		Attacks: []leaktest.Attack{{Name: "files", Run: func(ctx context.Context, _ leaktest.Site) (out []leaktest.Attempt, err error) {
			attempts, err := files.Attack(ctx, w.store, w.anna, w.bob)
			for _, a := range attempts {
				out = append(out, leaktest.Attempt{Object: "files", Attack: a.Attack, Control: a.Control, Leaked: a.Leaked, Detail: a.Detail})
			}
			return out, err
		}}},
	})
	require.NoError(t, err)
	held := 0
	for _, c := range report.Cells {
		if c.Object == "files" && c.Kind == "own attack" {
			require.Equal(t, leaktest.Held, c.Verdict, c.Attack)
			held++
		}
	}
	require.Equal(t, 12, held)
}
