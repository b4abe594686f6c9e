package site_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/tenancy"
)

const (
	owner  = tenancy.RoleOwner
	admin  = tenancy.RoleAdmin
	member = tenancy.RoleMember
	viewer = tenancy.RoleViewer
)

var (
	all      = []tenancy.Role{owner, admin, member, viewer}
	writers  = []tenancy.Role{owner, admin, member}
	managers = []tenancy.Role{owner, admin}
	owners   = []tenancy.Role{owner}
)

// team is somebody of each role.
func (w *world) team(t *testing.T) map[tenancy.Role]*platform.Customer {
	t.Helper()
	people := map[tenancy.Role]*platform.Customer{owner: w.anna}
	for _, role := range all[1:] {
		people[role] = w.hire(t, w.anna, role, string(role)+"@northwind.example")
	}
	return people
}

// Each role sees the pages that it may see, and no menu leads to others.
func TestRolesSeeTheirPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it, own := w.fill(t, w.anna), pages(w.anna)
	for role, person := range w.team(t) {
		v := w.visitor(t, person)
		menu := v.get(t, own+"/appointments").body
		for path, may := range map[string][]tenancy.Role{
			"/appointments": all, "/calendars": all, "/team": all, "/support": all, "/log": managers, "/export": owners,
			"/appointments/" + it.appointment.String(): all, "/support/grants/" + it.grant.String(): managers,
		} {
			a := v.get(t, own+path)
			if slices.Contains(may, role) {
				require.Equal(t, 200, a.StatusCode, "%s %s", role, path)
				continue
			}
			require.Equal(t, 403, a.StatusCode, "%s %s", role, path)
			require.Contains(t, a.body, "Your role does not allow this.")
			require.NotContains(t, menu, `href="`+own+path+`"`, "%s is led to %s", role, path)
		}
	}
	refused := w.events(t, w.anna, "forbidden")
	require.NotEmpty(t, refused, "what was refused to a role stands in the log")
}

// Each role does what it may do, by forms and by the API alike.
func TestRolesDoWhatTheyMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it := w.fill(t, w.anna)
	for role, person := range w.team(t) {
		v, api := w.visitor(t, person), w.program(t, person)
		name := string(role)
		for _, try := range []struct {
			path   string
			form   url.Values
			api    string
			body   any
			may    []tenancy.Role
			answer int // of the API
		}{
			{
				"/appointments",
				url.Values{"room": {it.room.String()}, "subject": {"Of " + name}, "date": {"2030-03-01"}, "time": {clock(role, 0)}, "minutes": {"30"}},
				"/appointments",
				map[string]any{"room": it.room, "subject": "Of " + name, "starts_at": "2030-03-01T" + clock(role, 1) + ":00Z", "minutes": 30},
				writers, 201,
			},
			{"/rooms", url.Values{"name": {"Form of " + name}}, "/rooms", map[string]string{"name": "API of " + name}, managers, 201},
			{"/calendars", url.Values{"account": {"form"}, "password": {"x"}}, "/calendars", map[string]string{"account": "api", "password": "x"}, writers, 201},
			{
				"/team",
				url.Values{"name": {"N"}, "email": {"form-" + name + "@example.com"}, "role": {"admin"}, "password": {password}},
				"/team",
				map[string]string{"name": "N", "email": "api-" + name + "@example.com", "role": "admin", "password": password},
				managers, 201,
			},
			{
				"/team",
				url.Values{"name": {"O"}, "email": {"owner-form-" + name + "@example.com"}, "role": {"owner"}, "password": {password}},
				"/team",
				map[string]string{"name": "O", "email": "owner-api-" + name + "@example.com", "role": "owner", "password": password},
				owners, 201,
			},
			{"/support/requests", url.Values{"question": {"Of " + name}}, "/support/requests", map[string]string{"question": "Of " + name}, writers, 201},
			{
				"/support/grants",
				url.Values{"person": {w.Staff[0].ID.String()}, "mode": {"read"}, "reason": {"Of " + name}, "hours": {"1"}},
				"/support/grants",
				map[string]any{"person": w.Staff[0].ID, "mode": "read", "reason": "Of " + name, "hours": 1},
				managers, 201,
			},
			{"/export", nil, "/exports", nil, owners, 200},
		} {
			form, program := v.post(t, pages(w.anna)+try.path, try.form), api.do(t, http.MethodPost, in(w.anna)+try.api, try.body)
			if slices.Contains(try.may, role) {
				require.Less(t, form.StatusCode, 400, "%s %s: %s", role, try.path, form.body)
				require.Equal(t, try.answer, program.StatusCode, "%s %s: %s", role, try.api, program.body)
				continue
			}
			require.Equal(t, 403, form.StatusCode, "%s %s: %s", role, try.path, form.body)
			require.Equal(t, 403, program.StatusCode, "%s %s: %s", role, try.api, program.body)
		}
	}
	// Nobody got further than his role by the way.
	team := w.program(t, w.anna).do(t, http.MethodGet, in(w.anna)+"/team", nil).body
	for _, never := range []string{"owner-form-admin", "owner-api-admin", "form-member", "api-viewer"} {
		require.NotContains(t, team, never+"@")
	}
}

// clock is a time at which nobody else books.
func clock(role tenancy.Role, quarter int) string {
	return []string{"08", "09", "10", "11"}[slices.Index(all, role)] + ":" + []string{"00", "45"}[quarter]
}
