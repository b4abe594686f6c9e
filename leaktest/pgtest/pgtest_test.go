package pgtest

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

func TestMain(m *testing.M) { Main(m) }

func TestNew(t *testing.T) {
	t.Parallel()
	d := New(t, Config{Empty: true, Setup: []string{"create table a (b int); insert into a values (7)"}})
	var got int
	if err := d.Admin(t).QueryRow(t.Context(), "select b from a").Scan(&got); err != nil || got != 7 {
		t.Fatal(got, err)
	}
	t.Log(d.Server().Source(), d.AdminURL)
}

func TestNewWithSchema(t *testing.T) {
	t.Parallel()
	d := New(t, Config{Setup: []string{"create schema shop; create table shop.a (b int)"}})
	e := New(t)
	for _, pool := range []*pgxpool.Pool{d.App(t), d.System(t), d.Migrator(t), e.App(t)} {
		var who, path string
		if err := pool.QueryRow(t.Context(), "select current_user, current_setting('search_path')").Scan(&who, &path); err != nil {
			t.Fatal(err)
		}
		t.Log(who, path)
	}
	t.Log(d.AppURL)
}
