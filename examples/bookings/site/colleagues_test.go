package site_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/service"
)

// Inside one customer: nobody touches a colleague's calendars, whatever his
// role, and a file is found at its own appointment only.
func TestColleagues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it, own, api := w.fill(t, w.anna), pages(w.anna), in(w.anna)
	mia := w.hire(t, w.anna, admin, "mia@northwind.example")
	v, program := w.visitor(t, mia), w.program(t, mia)

	calendar := "/calendars/" + it.calendar.String()
	require.NotContains(t, v.get(t, own+"/calendars").body, secret(w.anna))
	require.Equal(t, 404, v.post(t, own+calendar+"/import", nil).StatusCode)
	require.Equal(t, 404, v.post(t, own+calendar+"/disconnect", nil).StatusCode)
	require.Equal(t, 404, program.do(t, "POST", api+calendar+"/import", nil).StatusCode)
	require.Equal(t, 404, program.do(t, "DELETE", api+calendar, nil).StatusCode)

	other, err := w.Service.Book(t.Context(), w.scope(t, w.anna), service.Booking{
		Room: it.room, Subject: "Another", StartsAt: monday.AddDate(0, 0, 1), Minutes: 30,
	})
	require.NoError(t, err)
	file := "/attachments/" + it.file.String()
	right, wrong := "/appointments/"+it.appointment.String()+file, "/appointments/"+other.String()+file
	require.Equal(t, 404, v.get(t, own+wrong).StatusCode)
	require.Equal(t, 404, v.post(t, own+wrong+"/delete", nil).StatusCode)
	require.Equal(t, 404, program.do(t, "DELETE", api+wrong, nil).StatusCode)
	require.Equal(t, 303, v.get(t, own+right).StatusCode, "the control")

	// A link is good for the account that asked for it.
	link := v.get(t, own+right).Header.Get("Location")
	require.Equal(t, 200, v.get(t, link).StatusCode, "the control")
	require.Equal(t, 403, w.visitor(t, w.anna).get(t, link).StatusCode)

	anna := w.visitor(t, w.anna)
	require.Equal(t, 303, anna.post(t, own+calendar+"/disconnect", nil).StatusCode, "the control")
}

// An account is removed with what is its own, and what it booked stays.
func TestRemovedColleague(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := pages(w.anna)
	mia := w.hire(t, w.anna, member, "mia@northwind.example")
	book := newThings(w.anna.Room)[0]
	require.Equal(t, 303, w.visitor(t, mia).post(t, own+book.path, book.values).StatusCode)
	anna := w.visitor(t, w.anna)
	require.Equal(t, 303, anna.post(t, own+"/team/"+mia.Owner.UserID.String()+"/remove", nil).StatusCode)
	require.NotContains(t, anna.get(t, own+"/team").body, mia.Email)
	require.Contains(t, anna.get(t, own+"/appointments?week=2030-02-01").body, "Forged", "it is the customer's")
	again := newVisitor(t, w.url, anna.client)
	require.Equal(t, 401, again.post(t, "/sign-in", map[string][]string{"email": {mia.Email}, "password": {mia.Password}}).StatusCode)
	require.Equal(t, 422, anna.post(t, own+"/team/"+w.anna.Owner.UserID.String()+"/remove", nil).StatusCode, "not herself")
}
