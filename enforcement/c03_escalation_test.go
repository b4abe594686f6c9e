package enforcement

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// C3, and B4: whoever calls every query that the library has generated, with
// whatever arguments would serve him best, raises himself to nothing and joins
// no other tenant. The queries are found by reflection, so one that is added
// tomorrow is attacked tomorrow.
func TestC03NoQueryRaisesAnybody(t *testing.T) {
	t.Parallel()
	for _, role := range []tenancy.Role{tenancy.RoleViewer, tenancy.RoleMember, tenancy.RoleAdmin} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			o, carl := newOfficeWith(t, role)
			before := o.powers(t)
			calls := callEverything(t, o, o.in(t, carl, o.alpha), carl.UserID)
			require.Greater(t, calls, 100, "queries were called")
			if role != tenancy.RoleAdmin {
				require.Equal(t, before, o.powers(t), "nobody has another role than before, nor one more tenant")
				return
			}
			// An admin may make admins and let people go. He owns nothing.
			require.Equal(t, owners(before), owners(o.powers(t)), "no owner more and no owner less")
		})
	}
}

// The control: the same calls by an owner do raise Carl.
func TestC03TheAttackWouldBeSeen(t *testing.T) {
	t.Parallel()
	o, carl := newOfficeWith(t, tenancy.RoleMember)
	before := o.powers(t)
	callEverything(t, o, o.asAnna(t), carl.UserID)
	require.NotEqual(t, before, o.powers(t))
}

// newOfficeWith has Carl in Alpha, in a role.
func newOfficeWith(t *testing.T, role tenancy.Role) (*office, tenancy.Actor) {
	t.Helper()
	o := newOffice(t)
	carl := tenancy.Actor{UserID: uuid.New(), Email: "carl@alpha.example"}
	owner := query.New(o.asAnna(t))
	require.NoError(t, owner.AddUser(t.Context(), o.alpha, carl.UserID, carl.Email, "carl"))
	require.NoError(t, owner.SetMembership(t.Context(), o.alpha, carl.UserID, string(role), "active"))
	return o, carl
}

// power is who has which role where.
type power struct {
	Tenant            uuid.UUID
	Who, Role, Status string
}

func (o *office) powers(t *testing.T) []power {
	t.Helper()
	rows, err := o.Admin(t).Query(t.Context(), `
		select tenant_id, user_id::text, role, status from watertight.memberships order by 1, 2`)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[power])
	require.NoError(t, err)
	return list
}

func owners(list []power) []power {
	return slices.DeleteFunc(slices.Clone(list), func(p power) bool { return p.Role != "owner" })
}

// callEverything calls each method of the generated queries with each choice
// of values for its parameters, and returns how many calls it made. Almost all
// of them are refused, which is not looked at: what counts is what is true
// afterwards.
func callEverything(t *testing.T, o *office, c *tenancy.Conn, self uuid.UUID) (calls int) {
	t.Helper()
	queries, friend := reflect.ValueOf(query.New(c)), uuid.New()
	// All queries for each choice, forwards and backwards, so that each can build
	// on each: a friend is added, and then made something.
	for _, words := range [][]string{{"friend@alpha.example", "active"}, {"owner", "active"}, {"admin", "active"}, {"active", "owner"}, {"owner", "owner"}} {
		for _, tenant := range []tenancy.ID{o.alpha, o.beta} {
			for _, user := range []uuid.UUID{self, o.anna.UserID, friend} {
				for i := range 2 * queries.NumMethod() {
					method := queries.Method(min(i, 2*queries.NumMethod()-1-i))
					method.Call(arguments(t, method.Type(), tenant, user, words))
					calls++
				}
			}
		}
	}
	return calls
}

func arguments(t *testing.T, method reflect.Type, tenant tenancy.ID, user uuid.UUID, words []string) []reflect.Value {
	t.Helper()
	args := make([]reflect.Value, method.NumIn())
	text := 0
	for i := range args {
		in := method.In(i)
		args[i] = reflect.New(in).Elem()
		switch in {
		case reflect.TypeFor[context.Context]():
			args[i].Set(reflect.ValueOf(t.Context()))
		case reflect.TypeFor[tenancy.ID]():
			args[i].Set(reflect.ValueOf(tenant))
		case reflect.TypeFor[uuid.UUID]():
			args[i].Set(reflect.ValueOf(user))
		case reflect.TypeFor[string]():
			args[i].SetString(words[text%len(words)])
			text++
		}
	}
	return args
}
