package accounts_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// climber calls every generated query of the library with every kind of
// argument that could raise whoever calls it. It reads what there is by
// reflection, so a query that is added tomorrow is tried tomorrow.
type climber struct {
	candidates map[reflect.Type][]any
	random     *rand.Rand
	queries    int
	ran        int // calls that the database let pass
}

func newClimber(w *world, me uuid.UUID) *climber {
	soon := time.Now().Add(time.Hour)
	return &climber{
		random: rand.New(rand.NewPCG(1, 2)),
		candidates: map[reflect.Type][]any{
			reflect.TypeFor[tenancy.ID](): {w.alpha, w.beta},
			reflect.TypeFor[uuid.UUID]():  {me, w.anna.UserID, w.bob.UserID, uuid.New()},
			reflect.TypeFor[string]():     {"owner", "active", "admin", "mallory@alpha.example", "write", "wt_AAAAAAAA"},
			reflect.TypeFor[[]byte]():     {make([]byte, 32), append([]byte{1, 0, 0, 0, 1}, make([]byte, 80)...), []byte(`{"a":1}`)},
			reflect.TypeFor[time.Time]():  {soon, time.Now()},
			reflect.TypeFor[netip.Addr](): {visitor},
			reflect.TypeFor[bool]():       {true, false},
			reflect.TypeFor[int32]():      {int32(1), int32(100)},
			reflect.TypeFor[int16]():      {int16(1)},
			reflect.TypeFor[int64]():      {int64(1), int64(1) << 40},
			reflect.TypeFor[float64]():    {1.0},
		},
	}
}

// values are what an argument of the type can be.
func (c *climber) values(t *testing.T, typ reflect.Type) []reflect.Value {
	if list, ok := c.candidates[typ]; ok {
		out := make([]reflect.Value, len(list))
		for i, v := range list {
			out[i] = reflect.ValueOf(v)
		}
		return out
	}
	switch typ.Kind() {
	case reflect.Pointer:
		out := []reflect.Value{}
		for _, v := range c.values(t, typ.Elem()) {
			p := reflect.New(typ.Elem())
			p.Elem().Set(v)
			out = append(out, p)
		}
		return append(out, reflect.Zero(typ))
	case reflect.Slice:
		out := []reflect.Value{}
		for _, v := range c.values(t, typ.Elem()) {
			out = append(out, reflect.Append(reflect.MakeSlice(typ, 0, 1), v))
		}
		return out
	case reflect.Struct:
		out := []reflect.Value{}
		for range 50 {
			s := reflect.New(typ).Elem()
			for i := range typ.NumField() {
				list := c.values(t, typ.Field(i).Type)
				s.Field(i).Set(list[c.random.IntN(len(list))])
			}
			out = append(out, s)
		}
		return out
	}
	t.Fatalf("no value of type %s to try (add one to newClimber)", typ)
	return nil
}

var removes = regexp.MustCompile("^(Delete|End|Forget|Remove|Revoke)")

// most is how many combinations of arguments are tried of one query.
const most = 288 // all of a tenant, a user, and two texts

// climb calls every method on a handle of the scope.
func (c *climber) climb(t *testing.T, w *world, scope tenancy.Scope) {
	t.Helper()
	q := reflect.ValueOf(query.New(w.db.For(scope)))
	var order []int
	for _, last := range []bool{false, true} { // what removes rows, when nothing else wants them
		for i := range q.NumMethod() {
			if removes.MatchString(q.Type().Method(i).Name) == last {
				order = append(order, i)
			}
		}
	}
	for _, i := range order {
		method := q.Method(i)
		c.queries++
		for _, args := range c.combinations(t, method.Type()) {
			out := method.Call(args)
			last := out[len(out)-1]
			if err, ok := last.Interface().(error); ok && err != nil {
				continue
			}
			if closer, ok := last.Interface().(interface{ Close() error }); ok && closer.Close() != nil {
				continue
			}
			c.ran++
		}
	}
}

// combinations are all, or a sample, of the arguments of a method.
func (c *climber) combinations(t *testing.T, m reflect.Type) [][]reflect.Value {
	lists := make([][]reflect.Value, m.NumIn())
	product := 1
	for i := range lists {
		if m.In(i) == reflect.TypeFor[context.Context]() {
			lists[i] = []reflect.Value{reflect.ValueOf(t.Context())}
		} else {
			lists[i] = c.values(t, m.In(i))
		}
		product = min(product*len(lists[i]), 1<<30)
	}
	var out [][]reflect.Value
	for n := range min(product, most) {
		args := make([]reflect.Value, len(lists))
		for i, list := range lists {
			if product <= most {
				args[i], n = list[n%len(list)], n/len(list)
			} else {
				args[i] = list[c.random.IntN(len(list))]
			}
		}
		out = append(out, args)
	}
	return out
}

// state is everything that says who may do what, of all tenants.
func (w *world) state(t *testing.T, tables ...string) string {
	t.Helper()
	all := map[string][]string{}
	for _, sql := range tables {
		rows, err := w.admin.Query(t.Context(), sql)
		require.NoError(t, err)
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		all[sql] = list
	}
	text, err := json.MarshalIndent(all, "", " ")
	require.NoError(t, err)
	return string(text)
}

// grants are the tables in which support is granted to look into a tenant.
func (w *world) grants(t *testing.T) []string {
	t.Helper()
	rows, err := w.admin.Query(t.Context(), `select format('select x::text from %s x order by 1', oid::regclass) from pg_class
		where relnamespace = 'watertight'::regnamespace and relkind = 'r' and relname ~ 'grant'`)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return list
}

// Whoever runs every query of the library on the handle that he was given gets
// no higher role, no place in another tenant, no key that can do more, nobody
// else's password, and no grant.
func TestNobodyRaisesHimself(t *testing.T) {
	t.Parallel()
	const (
		members   = "select m::text from watertight.memberships m order by 1"
		users     = "select concat_ws(' ', tenant_id, id, email, encode(password_hash, 'hex'), failed_attempts, locked_until) from watertight.users order by 1"
		keys      = "select k::text from watertight.api_keys k order by 1"
		sessions  = "select s::text from watertight.sessions s order by 1"
		tenants   = "select t::text from watertight.tenants t order by 1"
		dataKeys  = "select concat_ws(' ', tenant_id, key_id, state) from watertight.tenant_keys order by 1"
		owners    = "select concat_ws(' ', m.tenant_id, m.user_id, m.status, encode(u.password_hash, 'hex')) from watertight.memberships m join watertight.users u on u.tenant_id = m.tenant_id and u.id = m.user_id where m.role = 'owner' order by 1"
		ownerKeys = "select k::text from watertight.api_keys k where k.role = 'owner' order by 1"
	)
	for name, c := range map[string]struct {
		role tenancy.Role
		same []string // what must be as before
	}{
		"member":             {tenancy.RoleMember, []string{members, users, keys, sessions, tenants, dataKeys}},
		"viewer":             {tenancy.RoleViewer, []string{members, users, keys, sessions, tenants, dataKeys}},
		"a role of the team": {"accountant", []string{members, users, keys, sessions, tenants, dataKeys}},
		"admin":              {tenancy.RoleAdmin, []string{owners, ownerKeys, tenants, dataKeys}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.exec(t, "update watertight.memberships set role = $1 where user_id = $2", string(c.role), w.carl.UserID)
			same := append(c.same, "select m::text from watertight.memberships m where m.tenant_id = '"+w.beta.String()+"' order by 1")
			if c.role != tenancy.RoleAdmin { // an admin may grant access to support
				same = append(same, w.grants(t)...)
			}
			before := w.state(t, same...)
			climb := newClimber(w, w.carl.UserID)
			climb.climb(t, w, w.admit(t, w.carl, w.alpha))
			require.Equal(t, before, w.state(t, same...))
			require.Greater(t, climb.queries, 25)
			require.Greater(t, climb.ran, 10, "some queries are for everybody")
			t.Logf("%d queries, %d calls went through", climb.queries, climb.ran)

			scope, err := w.db.Admit(t.Context(), w.carl, w.alpha)
			if err == nil { // an admin may have removed himself
				require.Equal(t, c.role, scope.Role())
			} else {
				require.Equal(t, tenancy.RoleAdmin, c.role)
			}
			_, err = w.db.Admit(t.Context(), w.carl, w.beta)
			require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
		})
	}
	t.Run("control", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		newClimber(w, w.carl.UserID).climb(t, w, w.admit(t, w.anna, w.alpha))
		for change, sql := range map[string]string{
			"Carl was made an owner": "entity = 'watertight.memberships' and op = 'u' and entity_id = $2 and diff::text like '%\"owner\"%'",
			"a person was added":     "entity = 'watertight.users' and op = 'i' and actor_id = $1 and entity_id <> $2",
			"a key was made":         "entity = 'watertight.api_keys' and op = 'i' and actor_id = $1 and entity_id <> $2",
		} {
			var n int
			require.NoError(t, w.admin.QueryRow(t.Context(), "select count(*) from watertight.audit_event where $1 <> $2 and "+sql, w.anna.UserID.String(), w.carl.UserID.String()).Scan(&n))
			require.NotZero(t, n, "by an owner's calls %s", change)
		}
	})
}
