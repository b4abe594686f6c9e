package keystore_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
)

// TestSealedColumnRefusesPlaintext tries to store what is not sealed, as the
// application and as a superuser.
func TestSealedColumnRefusesPlaintext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sealed := w.putDoor(t, w.a, 1, "1234")
	c := w.conn(t, w.a)
	wrong := map[string][]byte{
		"short text":    []byte("1234"),
		"a long token":  []byte("ya29.a0AfH6SMBxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
		"empty":         {},
		"zeroes":        make([]byte, 100),
		"version 2":     append([]byte{2}, sealed[1:]...),
		"key number 0":  append([]byte{1, 0, 0, 0, 0}, sealed[5:]...),
		"cut off":       sealed[:64],
		"a bcrypt hash": []byte("$2a$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijklm-------"),
	}
	for name, value := range wrong {
		_, err := c.Exec(t.Context(), `update app.doors set code = $2 where tenant_id = $1 and id = 1`, w.a, value)
		require.Error(t, err, name)
		requireCode(t, err, "23514")
		_, err = w.admin.Exec(t.Context(), `update app.doors set code = $2 where tenant_id = $1 and id = 1`, w.a, value)
		require.Error(t, err, name)
	}
	_, err := c.Exec(t.Context(), `update app.doors set code = null where tenant_id = $1 and id = 1`, w.a)
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), `update app.doors set code = $2 where tenant_id = $1 and id = 1`, w.a, crypto.SecretString("1234"))
	require.Error(t, err, "a Secret went into SQL")
}

func TestSealColumnRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Migrator(t).Exec(t.Context(), `
		create table app.things (tenant_id uuid not null, id text not null, n bigint, secret bytea, plain text, primary key (tenant_id, id));
		select watertight.protect('app.things');
		create table app.wide (tenant_id uuid not null, id bigint not null, part int not null, secret bytea, primary key (tenant_id, id, part));
		select watertight.protect('app.wide');
		create table app.loose (tenant_id uuid not null, id bigint not null, secret bytea, primary key (tenant_id, id));`)
	require.NoError(t, err)
	for name, sql := range map[string]string{
		"not protected":        `select watertight.seal_column('app.loose', 'secret', 'x')`,
		"not bytea":            `select watertight.seal_column('app.things', 'plain', 'x')`,
		"no such column":       `select watertight.seal_column('app.things', 'nope', 'x')`,
		"row id is text":       `select watertight.seal_column('app.things', 'secret', 'x')`,
		"row id is not unique": `select watertight.seal_column('app.things', 'secret', 'x', null, 'n')`,
		"row id is a part":     `select watertight.seal_column('app.wide', 'secret', 'x')`,
		"a shared table":       `select watertight.seal_column('watertight.sealed_columns', 'relid', 'x')`,
		"no label":             `select watertight.seal_column('app.doors', 'code', '')`,
	} {
		_, err := w.Migrator(t).Exec(t.Context(), sql)
		require.Error(t, err, name)
	}
	// Again is allowed, as protect is.
	_, err = w.Migrator(t).Exec(t.Context(), `select watertight.seal_column('app.doors', 'code', 'door')`)
	require.NoError(t, err)
	// A column with plaintext in it does not become a sealed one.
	_, err = w.Migrator(t).Exec(t.Context(), `alter table app.doors add column pin bytea`)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), `insert into app.doors (tenant_id, id, pin) values ($1, 1, '1234')`, w.a)
	require.NoError(t, err)
	_, err = w.Migrator(t).Exec(t.Context(), `select watertight.seal_column('app.doors', 'pin', 'door')`)
	require.Error(t, err)
}

// TestReservedNames: a register row leads to the right statement whatever the
// table is called.
func TestReservedNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Migrator(t).Exec(t.Context(), `
		create table app."select; ""drop" (
			tenant_id uuid not null, "the id" uuid not null, "order" bytea, primary key (tenant_id, "the id"));
		select watertight.protect('app."select; ""drop"');
		select watertight.seal_column('app."select; ""drop"', 'order', 'odd', 'value', 'the id')`)
	require.NoError(t, err)
	id := uuid.New()
	ref := crypto.Ref{Table: "odd", Column: "value", Row: crypto.RowUUID(id)}
	sealed, err := w.ring.Seal(t.Context(), w.a, ref, crypto.SecretString("x"))
	require.NoError(t, err)
	c := w.conn(t, w.a)
	_, err = c.Exec(t.Context(), `insert into app."select; ""drop" values ($1, $2, $3)`, w.a, id, sealed)
	require.NoError(t, err)
	w.rotate(t, w.a)
	done, err := w.reseal(t, w.a)
	require.NoError(t, err)
	require.Equal(t, 1, done.Resealed)
	require.NoError(t, c.QueryRow(t.Context(), `select "order" from app."select; ""drop" where tenant_id = $1`, w.a).Scan(&sealed))
	s, err := w.ring.Open(t.Context(), w.a, ref, sealed)
	require.NoError(t, err)
	require.Equal(t, "x", string(s.Reveal()))
}
