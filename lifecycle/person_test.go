package lifecycle

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

const notesSQL = `
create table app.notes (tenant_id uuid not null, id int not null, author uuid, body text, primary key (tenant_id, id),
	foreign key (tenant_id, author) references watertight.users (tenant_id, id));
create table app.guests (tenant_id uuid not null, id int not null, mail text not null, visits varchar(5), primary key (tenant_id, id));
create table app.orders (tenant_id uuid not null, id int not null, buyer text, total numeric, primary key (tenant_id, id));
create table "Own/s"."order" (tenant_id uuid not null, id int not null, mail text, primary key (tenant_id, id));
select watertight.protect(t::regclass) from unnest('{app.notes,app.guests,app.orders,"\"Own/s\".\"order\""}'::text[]) t;
select watertight.person_column('"Own/s"."order"', 'mail', 'email', 'clear');
select watertight.person_column('app.guests', 'mail', 'email', 'delete');
select watertight.person_column('app.orders', 'buyer', 'email', 'clear');`

// persons adds a colleague of Anna's, with data of both in the team's tables.
func persons(t *testing.T, w *world) (carl Person) {
	t.Helper()
	w.exec(t, notesSQL)
	carl = Person{User: uuid.New(), Emails: []string{"Carl@Canary.example"}}
	w.exec(t, `insert into watertight.users (tenant_id, id, email, display_name) values ($1, $2, 'carl@canary.example', 'Carl Canary')`, w.alpha, carl.User)
	w.exec(t, `insert into watertight.memberships (tenant_id, user_id, role) values ($1, $2, 'member')`, w.alpha, carl.User)
	conn := uuid.New()
	sealed := append([]byte{1, 0, 0, 0, 1}, bytes.Repeat([]byte{7}, 80)...)
	w.exec(t, `insert into watertight.calendar_connections (tenant_id, id, user_id, provider, account, refresh_token) values ($1, $2, $3, 'google', 'carl@canary.example', $4)`, w.alpha, conn, carl.User, sealed)
	w.exec(t, `insert into watertight.calendar_busy (tenant_id, connection_id, subject, starts_at, minutes) values ($1, $2, 'Canary dentist', now(), 30)`, w.alpha, conn)
	w.exec(t, `insert into app.notes values ($1, 1, $2, 'his own words'), ($1, 2, $3, 'by anna')`, w.alpha, carl.User, w.anna)
	w.exec(t, `insert into app.guests values ($1, 1, 'CARL@canary.example', '3'), ($1, 2, 'zoe@x.example', '4')`, w.alpha)
	w.exec(t, `insert into app.orders values ($1, 1, 'carl@canary.example', 10), ($1, 2, 'zoe@x.example', 20)`, w.alpha)
	w.exec(t, `insert into "Own/s"."order" values ($1, 1, 'carl@canary.example')`, w.alpha)
	w.exec(t, `insert into app.guests values ($1, 1, 'carl@canary.example', '3')`, w.beta)
	// What he did himself, under an address in another case than the one asked for.
	app, err := tenancy.Open(t.Context(), w.AppURL, tenancy.Config{Key: w.Key, Registry: accounts.Registry{}, Version: "test"})
	require.NoError(t, err)
	t.Cleanup(app.Close)
	by, err := unverified.Scope(app, tenancy.Actor{Email: "CARL@canary.example"}, w.alpha, tenancy.RoleMember)
	require.NoError(t, err)
	_, err = app.For(by).Exec(t.Context(), "insert into app.words (tenant_id, word, n) values ($1, 'his', 1)", w.alpha)
	require.NoError(t, err)
	return carl
}

func TestPersonData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	carl := persons(t, w)
	var b bytes.Buffer
	counts, err := w.life.PersonData(t.Context(), operator, w.alpha, carl, &b)
	require.NoError(t, err)
	require.Equal(t, map[string]int{
		"watertight.users": 1, "watertight.memberships": 1, "watertight.calendar_connections": 1, "watertight.calendar_busy": 1,
		"app.notes": 1, "app.guests": 1, "app.orders": 1, "Own/s.order": 1, "watertight.audit_event": 1,
	}, counts)
	require.Contains(t, b.String(), "Canary dentist")
	require.Contains(t, b.String(), "his own words")
	for _, other := range []string{"by anna", "zoe@x.example", "anna@alpha.example", w.beta.String()} {
		require.NotContains(t, b.String(), other)
	}
	// The tenant sees that somebody looked, without a name.
	var diff string
	require.NoError(t, w.admin.QueryRow(t.Context(), `select diff::text from watertight.audit_event where tenant_id = $1 and action = 'watertight.person'`, w.alpha).Scan(&diff))
	require.NotContains(t, diff, "canary")
	_, err = w.life.PersonData(t.Context(), operator, w.alpha, Person{}, &b)
	require.ErrorContains(t, err, "no person given")
}

func TestRectify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	carl := persons(t, w)
	ctx := t.Context()
	text := func(s string) *string { return &s }
	err := w.life.Rectify(ctx, operator, w.alpha, carl, Correction{"watertight.users", map[string]string{"id": carl.User.String()}, map[string]*string{"display_name": text(`Karl, "K"`)}})
	require.NoError(t, err)
	var name string
	require.NoError(t, w.admin.QueryRow(ctx, `select display_name from watertight.users where id = $1`, carl.User).Scan(&name))
	require.Equal(t, `Karl, "K"`, name)
	// With its event, by whoever did it.
	var by string
	require.NoError(t, w.admin.QueryRow(ctx, `select actor_email from watertight.audit_event where tenant_id = $1 and op = 'u' and entity = 'watertight.users' order by id desc limit 1`, w.alpha).Scan(&by))
	require.Equal(t, operator.Email, by)

	guest := func(id string, set map[string]*string) error {
		return w.life.Rectify(ctx, operator, w.alpha, carl, Correction{"app.guests", map[string]string{"id": id}, set})
	}
	require.NoError(t, guest("1", map[string]*string{"visits": nil}))
	require.ErrorIs(t, guest("2", map[string]*string{"visits": nil}), ErrNotTheirs, "another guest's row")
	require.ErrorContains(t, guest("1", map[string]*string{"visits": text("too long")}), "too long", "no value is shortened silently")
	require.Error(t, guest("1", map[string]*string{"none": nil}))
	require.Error(t, guest("1", map[string]*string{"id": text("9")}))
	require.ErrorIs(t, w.life.Rectify(ctx, operator, w.alpha, carl, Correction{"app.words", map[string]string{"word": "a"}, map[string]*string{"n": nil}}), ErrNotTheirs)
	require.ErrorIs(t, w.life.Rectify(ctx, operator, w.beta, carl, Correction{"watertight.users", map[string]string{"id": carl.User.String()}, map[string]*string{"display_name": nil}}), ErrNotTheirs)
}

func TestForgetPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	carl := persons(t, w)
	_, privacyURL := w.Login(t, "in role watertight_privacy")
	_, sealerURL := w.Login(t, "in role watertight_sealer")
	privacy := w.connect(t, privacyURL)
	neighbour := w.digests(t, w.beta)
	forget := func() (Forgotten, error) { return w.life.ForgetPerson(ctx, operator, w.alpha, carl, privacy) }

	_, err := forget()
	require.ErrorIs(t, err, ErrUnsealed)
	key, _, err := audit.NewSigningKey("log.test")
	require.NoError(t, err)
	sealer, err := audit.OpenSealer(ctx, sealerURL, audit.SealerConfig{Keys: []audit.SigningKey{key}})
	require.NoError(t, err)
	t.Cleanup(sealer.Close)
	w.seal(t, sealer)

	// A table of the team's whose rows would keep the account, of which nobody
	// has said what becomes of them.
	_, err = forget()
	require.ErrorIs(t, err, ErrHeld)
	w.exec(t, `select watertight.person_column('app.notes', 'author', 'user', 'clear')`)
	done, err := forget()
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"watertight.users": 1, "app.notes": 1, "app.guests": 1, "app.orders": 1, "Own/s.order": 1}, done.Rows)

	// Nothing of the person is left: in no table, not in the log. What others
	// wrote is there.
	v, err := VerifyErased(ctx, w.admin, tenancy.NewID(), VerifyErasedConfig{Also: []string{"canary", carl.User.String()}})
	require.NoError(t, err)
	for _, f := range v.Found { // the other tenant's guest of the same name
		require.Contains(t, []string{"app.guests", "watertight.audit_event"}, f.Where)
	}
	for _, table := range []string{"app.guests", "watertight.audit_event"} {
		var n int
		require.NoError(t, w.admin.QueryRow(ctx, `select count(*) from `+table+` r where tenant_id = $1 and r::text ~* 'canary'`, w.alpha).Scan(&n))
		require.Zero(t, n, table)
	}
	// Of the account its id alone is left, in events that speak of its rows: the
	// keys of rows stand in the tree.
	var left []string
	require.NoError(t, w.admin.QueryRow(ctx, `select array_agg(distinct entity order by entity) from watertight.audit_event r where tenant_id = $1 and position($2 in r::text) > 0`, w.alpha, carl.User.String()).Scan(&left))
	require.Equal(t, []string{"watertight.memberships", "watertight.users"}, left)
	var bodies []string
	require.NoError(t, w.admin.QueryRow(ctx, `select array_agg(total::text order by id) from app.orders where tenant_id = $1`, w.alpha).Scan(&bodies))
	require.Equal(t, []string{"10", "20"}, bodies)
	require.Equal(t, neighbour, w.digests(t, w.beta))

	// And the log still verifies.
	w.seal(t, sealer)
	verdict, err := audit.Verify(ctx, privacy, w.alpha.UUID(), audit.VerifyConfig{Keys: []audit.VerifyingKey{key.Public()}})
	require.NoError(t, err)
	require.True(t, verdict.OK(), verdict.Problems)
	require.Positive(t, verdict.Redacted)
}
