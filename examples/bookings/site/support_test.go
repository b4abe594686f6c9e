package site_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/service"
)

// desk signs Sam in to the support desk.
func (w *world) desk(t *testing.T) visitor {
	t.Helper()
	v := newVisitor(t, w.url, http.DefaultClient)
	a := v.post(t, "/desk/sign-in", url.Values{"email": {w.Staff[0].Email}, "password": {w.Staff[0].Password}})
	require.Equal(t, 303, a.StatusCode, a.body)
	return v
}

// Somebody asks, an owner lets Sam in, Sam looks, the customer sees every
// statement, shuts him out, and at once he sees nothing.
func TestSupportIsLetInAndShutOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, w.anna)
	w.fill(t, w.ben)
	anna, sam := w.visitor(t, w.anna), w.desk(t)
	own := pages(w.anna)
	now := url.Values{"room": {w.anna.Room.String()}, "subject": {"Of today"}, "date": {today()}, "time": {"10:00"}, "minutes": {"30"}}
	require.Equal(t, 303, anna.post(t, own+"/appointments", now).StatusCode)

	require.Equal(t, 303, anna.post(t, own+"/support/requests", url.Values{"question": {"Tuesday is there twice"}}).StatusCode)
	requests, err := w.Service.SupportRequests(t.Context(), w.scope(t, w.anna))
	require.NoError(t, err)
	require.Nil(t, requests[0].AnsweredAt)
	grant := func(mode string) uuid.UUID {
		a := anna.post(t, own+"/support/grants", url.Values{
			"person": {w.Staff[0].ID.String()}, "mode": {mode}, "reason": {"Tuesday"}, "hours": {"1"}, "request": {requests[0].ID.String()},
		})
		require.Equal(t, 303, a.StatusCode, a.body)
		grants, err := w.Service.SupportGrants(t.Context(), w.scope(t, w.anna))
		require.NoError(t, err)
		return grants[0].ID
	}
	reading := grant("read")
	require.Contains(t, anna.get(t, own+"/support").body, "answered")

	at := "/desk" + own + "/grants/" + reading.String()
	seen := sam.get(t, at)
	require.Equal(t, 200, seen.StatusCode, seen.body)
	require.Contains(t, seen.body, "Of today")
	require.NotContains(t, seen.body, secret(w.ben))
	list, err := w.Service.Appointments(t.Context(), w.scope(t, w.anna), monday.AddDate(-9, 0, 0), monday)
	require.NoError(t, err)
	cancel := "/appointments/" + list[0].ID.String() + "/cancel"
	require.Equal(t, 403, sam.post(t, at+cancel, nil).StatusCode, "he may read only")

	did := anna.get(t, own+"/support/grants/"+reading.String()).body
	require.Contains(t, did, "from app.appointments a", "the statement that he ran")
	require.Contains(t, did, "delete from app.appointments", "and the one that was refused")

	// Not for anybody else, nor under another customer's name.
	for _, other := range []string{
		"/desk" + pages(w.ben) + "/grants/" + reading.String(),
		"/desk" + own + "/grants/" + uuid.NewString(),
		"/desk/t/x/grants/y",
	} {
		a := sam.get(t, other)
		require.Equal(t, 403, a.StatusCode, other)
		require.Contains(t, a.body, "There is no live grant for you here.")
	}
	require.Equal(t, 401, newVisitor(t, w.url, http.DefaultClient).get(t, at).StatusCode, "without a sign-in")
	require.Equal(t, 401, anna.get(t, at).StatusCode, "the desk takes no session of a customer")
	require.Equal(t, 303, sam.get(t, own+"/appointments").StatusCode, "and the other way round")

	require.Equal(t, 303, anna.post(t, own+"/support/grants/"+reading.String()+"/revoke", nil).StatusCode)
	gone := sam.get(t, at)
	require.Equal(t, 403, gone.StatusCode)
	require.NotContains(t, gone.body, "Of today")

	writing := "/desk" + own + "/grants/" + grant("write").String()
	require.Equal(t, 303, sam.post(t, writing+cancel, nil).StatusCode)
	entries, _, err := w.Service.Log(t.Context(), w.scope(t, w.anna), service.LogFilter{Action: "CancelAppointment"})
	require.NoError(t, err)
	require.Equal(t, w.Staff[0].Email, entries[0].Who, "what he changed stands in the log under his name")

	require.Equal(t, 303, sam.post(t, "/desk/sign-out", nil).StatusCode)
	require.Equal(t, 401, sam.get(t, writing).StatusCode)
}

func TestDeskSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newVisitor(t, w.url, http.DefaultClient)
	for _, wrong := range []url.Values{
		{"email": {w.Staff[0].Email}, "password": {"x"}},
		{"email": {"nobody@bookings.example"}, "password": {w.Staff[0].Password}},
		{"email": {w.anna.Email}, "password": {w.anna.Password}},
		{},
	} {
		a := v.post(t, "/desk/sign-in", wrong)
		require.Equal(t, 401, a.StatusCode)
		require.Contains(t, a.body, "The sign-in failed.")
		require.Empty(t, a.Cookies())
	}
	right := url.Values{"email": {w.Staff[0].Email}, "password": {w.Staff[0].Password}, "next": {"//evil.example/desk/"}}
	require.Equal(t, 403, v.post(t, "/desk/sign-in", right, "Sec-Fetch-Site", "cross-site").StatusCode)
	a := v.post(t, "/desk/sign-in", right)
	require.Equal(t, "/desk/", a.Header.Get("Location"))
	require.True(t, a.Cookies()[0].HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, a.Cookies()[0].SameSite)
	// The desk guesses for nobody for ever.
	limited := false
	for range 40 {
		limited = limited || v.post(t, "/desk/sign-in", url.Values{"email": {"sam"}}).StatusCode == 429
	}
	require.True(t, limited)
}

func today() string { return time.Now().UTC().Format(time.DateOnly) }
