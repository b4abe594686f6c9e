package pgtest

import "testing"

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
