package site_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/site"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
)

// visitor is a browser without a window: it keeps cookies and says where its
// forms come from. It follows no redirect.
type visitor struct {
	url    string
	client *http.Client
}

func newVisitor(t *testing.T, url string, client *http.Client) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := *client
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return visitor{url, &c}
}

func (v visitor) get(t *testing.T, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+path, nil)
	require.NoError(t, err)
	return do(t, v.client, r)
}

// post sends a form as a page of the service does, unless the headers say
// otherwise; one that is empty is left out.
func (v visitor) post(t *testing.T, path string, form url.Values, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(t, r, headers...)
}

func (v visitor) send(t *testing.T, r *http.Request, headers ...string) answer {
	t.Helper()
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return do(t, v.client, r)
}

func (v visitor) upload(t *testing.T, path, name, content string) answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = part.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+path, &body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return v.send(t, r)
}

// visitor signs somebody in by the form.
func (w *world) visitor(t *testing.T, c *platform.Customer) visitor {
	t.Helper()
	v := newVisitor(t, w.url, http.DefaultClient)
	v.signIn(t, c)
	return v
}

func (v visitor) signIn(t *testing.T, c *platform.Customer) answer {
	t.Helper()
	a := v.post(t, "/sign-in", url.Values{"email": {c.Email}, "password": {c.Password}})
	require.Equal(t, 303, a.StatusCode, a.body)
	return a
}

// forms are all that change something, by somebody's ids.
func forms(it things) []form {
	a, c := "/appointments/"+it.appointment.String(), "/calendars/"+it.calendar.String()
	return []form{
		{a + "/attachments/" + it.file.String() + "/delete", nil},
		{a + "/cancel", nil},
		{c + "/import", nil},
		{c + "/disconnect", nil},
		{"/team/" + it.person.String() + "/role", url.Values{"role": {"viewer"}}},
		{"/team/" + it.person.String() + "/remove", nil},
		{"/support/grants/" + it.grant.String() + "/revoke", nil},
	}
}

type form struct {
	path   string
	values url.Values
}

// newThings are forms that make something.
func newThings(room uuid.UUID) []form {
	return []form{
		{"/appointments", url.Values{"room": {room.String()}, "subject": {"Forged"}, "date": {"2030-02-01"}, "time": {"09:00"}, "minutes": {"30"}}},
		{"/rooms", url.Values{"name": {"Forged"}}},
		{"/calendars", url.Values{"account": {"forged"}, "password": {"x"}}},
		{"/team", url.Values{"name": {"Forged"}, "email": {"forged@example.com"}, "role": {"member"}, "password": {password}}},
		{"/support/requests", url.Values{"question": {"Forged question"}}},
		{"/export", nil},
	}
}

// looks are all pages that show something of somebody.
func looks(it things) []string {
	return []string{
		"/", "/appointments", "/appointments?week=2030-01-07", "/appointments/" + it.appointment.String(),
		"/appointments/" + it.appointment.String() + "/attachments/" + it.file.String(), "/calendars", "/team",
		"/support", "/support/grants/" + it.grant.String(), "/log", "/log?action=watertight.refused", "/export",
	}
}

func unknownThings() things {
	return things{uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()}
}

// Every page and form at Ben's address, with Anna's session: the same page says
// that her account is not registered there, as for a customer that does not
// exist, and each attempt stands in Ben's log without a word of Anna's.
func TestForeignPagesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, his := w.visitor(t, w.anna), w.fill(t, w.ben)
	attempts := 0
	refused := func(ask func(base string) answer, what string) {
		foreign, nowhere := ask(pages(w.ben)), ask("/t/"+tenancy.NewID().String())
		require.Equal(t, 403, foreign.StatusCode, what)
		require.Contains(t, foreign.body, "Your account is not registered with this customer.", what)
		require.NotContains(t, foreign.body, "Harbour", what)
		require.Equal(t, nowhere.StatusCode, foreign.StatusCode, what)
		require.Equal(t, nowhere.body, foreign.body, what)
		attempts++
		require.Len(t, w.events(t, w.ben, "watertight.refused"), attempts, what)
	}
	for _, path := range looks(his) {
		refused(func(base string) answer { return anna.get(t, base+path) }, path)
	}
	for _, f := range append(forms(his), newThings(his.room)...) {
		refused(func(base string) answer { return anna.post(t, base+f.path, f.values) }, f.path)
	}
	attach := "/appointments/" + his.appointment.String() + "/attachments"
	refused(func(base string) answer { return anna.upload(t, base+attach, "x.txt", "x") }, attach)

	page := w.visitor(t, w.ben).get(t, pages(w.ben)+"/log?action=watertight.refused")
	require.Equal(t, attempts, strings.Count(page.body, "<strong>Refused attempt</strong>"))
	require.Contains(t, page.body, "an account that is not registered here")
	for _, hers := range []string{w.anna.Email, "Northwind", w.anna.Tenant.String(), w.anna.Owner.UserID.String()} {
		require.NotContains(t, page.body, hers)
	}
	own := w.events(t, w.anna, "accounts.foreign_tenant")
	require.NotEmpty(t, own, "Anna's own log tells of it, too")
	require.NotContains(t, own[0].Object, w.ben.Tenant.String())
}

// Ben's ids at Anna's own address are ids that never were.
func TestForeignIDsInPagesAreUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, ben, his := w.visitor(t, w.anna), w.visitor(t, w.ben), w.fill(t, w.ben)
	own, never := pages(w.anna), unknownThings()
	for i, path := range looks(his) {
		foreign, unknown := anna.get(t, own+path), anna.get(t, own+looks(never)[i])
		require.Equal(t, unknown.StatusCode, foreign.StatusCode, path)
		require.NotContains(t, foreign.body, secret(w.ben), path)
		if strings.Contains(path, "-4") { // an id
			require.Equal(t, 404, foreign.StatusCode, path)
			require.Equal(t, unknown.body, foreign.body, path)
		}
		require.Less(t, ben.get(t, pages(w.ben)+path).StatusCode, 400, "the control: %s", path)
	}
	attach := func(it things) string { return own + "/appointments/" + it.appointment.String() + "/attachments" }
	require.Equal(t, 404, anna.upload(t, attach(his), "x.txt", "x").StatusCode)
	require.Equal(t, 404, anna.upload(t, attach(never), "x.txt", "x").StatusCode)
	for i, f := range forms(his) {
		foreign, unknown := anna.post(t, own+f.path, f.values), anna.post(t, own+forms(never)[i].path, f.values)
		require.Equal(t, 404, foreign.StatusCode, f.path)
		require.Equal(t, unknown.body, foreign.body, f.path)
	}
	// A room and a person of support that are none, in a form.
	book := newThings(his.room)[0]
	require.Equal(t, 422, anna.post(t, own+book.path, book.values).StatusCode)
	// The control: to Ben they all are there, and now they go.
	for _, f := range forms(his) {
		require.Equal(t, 303, ben.post(t, pages(w.ben)+f.path, f.values).StatusCode, f.path)
	}
}

// What another site makes the browser send does nothing, and what does not say
// where it comes from does nothing either.
func TestForgedFormsDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, it := w.visitor(t, w.anna), w.fill(t, w.anna)
	own := pages(w.anna)
	all := []form{{"/sign-in", url.Values{"email": {w.ben.Email}, "password": {w.ben.Password}}}, {"/sign-out", nil}}
	for _, f := range append(newThings(it.room), forms(it)...) {
		all = append(all, form{own + f.path, f.values})
	}
	before := v.get(t, own+"/log").body
	for name, headers := range map[string][]string{
		"another site":          {"Sec-Fetch-Site", "cross-site"},
		"a sibling":             {"Sec-Fetch-Site", "same-site"},
		"an older browser":      {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"a page without origin": {"Sec-Fetch-Site", "", "Origin", "null"},
		"nowhere":               {"Sec-Fetch-Site", ""},
	} {
		for _, f := range all {
			a := v.post(t, f.path, f.values, headers...)
			require.Equal(t, 403, a.StatusCode, "%s from %s", f.path, name)
			require.Contains(t, a.body, "Nothing was done", "%s from %s", f.path, name)
			require.Empty(t, a.Cookies(), "%s from %s", f.path, name)
		}
	}
	require.Equal(t, before, v.get(t, own+"/log").body, "nothing was done")
	// The control: the same forms from a page of the service, in an order in
	// which each has what it needs.
	for _, f := range append(all[2:], all[1], all[0]) {
		a := v.post(t, f.path, f.values, "Sec-Fetch-Site", "", "Origin", w.url)
		require.Less(t, a.StatusCode, 400, "%s: %s", f.path, a.body)
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, https := range []bool{false, true} {
		server := w.serve(t, site.Config{HTTPS: https})
		v := newVisitor(t, server.URL, server.Client())
		cookies := v.signIn(t, w.anna).Cookies()
		require.Len(t, cookies, 2)
		for _, c := range cookies {
			require.True(t, c.HttpOnly, c.Name)
			require.Equal(t, https, c.Secure, c.Name)
			require.Equal(t, https, strings.HasPrefix(c.Name, "__Host-"), c.Name)
			require.Equal(t, http.SameSiteLaxMode, c.SameSite, c.Name)
			require.Equal(t, "/", c.Path)
			require.Empty(t, c.Domain)
		}
		access, renewal := cookies[0], cookies[1]
		require.Greater(t, access.MaxAge, 0)
		require.Less(t, access.MaxAge, 60, "the browser forgets it before it expires")
		require.Zero(t, renewal.MaxAge, "it ends with the browser")
		require.Equal(t, 200, v.get(t, pages(w.anna)+"/team").StatusCode, "the control")

		out := v.post(t, "/sign-out", nil)
		require.Equal(t, 303, out.StatusCode)
		for _, c := range out.Cookies() {
			require.Negative(t, c.MaxAge, c.Name)
			require.Empty(t, c.Value)
		}
		require.Equal(t, 303, v.get(t, pages(w.anna)+"/team").StatusCode, "to the sign-in")

		// The handle is good for nothing any more, wherever it was kept.
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+pages(w.anna)+"/team", nil)
		require.NoError(t, err)
		r.AddCookie(&http.Cookie{Name: renewal.Name, Value: renewal.Value})
		v.client.Jar = nil
		a := do(t, v.client, r)
		require.Equal(t, 303, a.StatusCode)
		require.Equal(t, "/sign-in?next="+url.QueryEscape(pages(w.anna)+"/team"), a.Header.Get("Location"))
	}
}

// A token that is over is renewed on the way, for a form as well, and two tabs
// that wake up together stay signed in.
func TestSessionsAreRenewedOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newVisitor(t, w.url, http.DefaultClient)
	renewal := v.signIn(t, w.anna).Cookies()[1]
	v.client.Jar = nil
	ask := func(method, path, handle string) answer {
		r, err := http.NewRequest(method, w.url+pages(w.anna)+path, strings.NewReader("name=Attic"))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.AddCookie(&http.Cookie{Name: renewal.Name, Value: handle})
		return do(t, v.client, r)
	}
	a := ask("POST", "/rooms", renewal.Value)
	require.Equal(t, 303, a.StatusCode, "the form is not lost: %s", a.body)
	require.Len(t, a.Cookies(), 2)
	next := a.Cookies()[1].Value
	require.NotEqual(t, renewal.Value, next)

	const tabs = 8
	answers := make(chan answer, tabs)
	for range tabs {
		go func() { answers <- ask("GET", "/team", next) }()
	}
	var handles []string
	for range tabs {
		a := <-answers
		require.Equal(t, 200, a.StatusCode)
		handles = append(handles, a.Cookies()[1].Value)
	}
	require.Len(t, slices.Compact(handles), 1, "all got one answer")
	require.Equal(t, 200, ask("GET", "/team", handles[0]).StatusCode, "and it goes on")

	stolen := ask("GET", "/team", "made-up")
	require.Equal(t, 303, stolen.StatusCode)
	require.Negative(t, stolen.Cookies()[0].MaxAge, "a handle that is none is taken away")
}

// A link to the sign-in leads to pages of the customer only.
func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	home := pages(w.anna) + "/appointments"
	for next, want := range map[string]string{
		"":                              home,
		pages(w.anna) + "/log?action=x": pages(w.anna) + "/log?action=x",
		pages(w.ben) + "/log":           home,
		"https://evil.example/":         home,
		"//evil.example/":               home,
		pages(w.anna) + "/../../evil":   home,
	} {
		v := newVisitor(t, w.url, http.DefaultClient)
		a := v.post(t, "/sign-in", url.Values{"email": {w.anna.Email}, "password": {w.anna.Password}, "next": {next}})
		require.Equal(t, 303, a.StatusCode)
		require.Equal(t, want, a.Header.Get("Location"), next)
	}
	// An address that nobody has and a wrong password are one answer.
	v := newVisitor(t, w.url, http.DefaultClient)
	unknown := v.post(t, "/sign-in", url.Values{"email": {"nobody@example.com"}, "password": {"x"}})
	wrong := v.post(t, "/sign-in", url.Values{"email": {w.anna.Email}, "password": {"x"}})
	require.Equal(t, 401, unknown.StatusCode)
	require.Equal(t, unknown.body, strings.Replace(wrong.body, w.anna.Email, "nobody@example.com", 1))
	require.Equal(t, 303, newVisitor(t, w.url, http.DefaultClient).get(t, pages(w.anna)+"/log").StatusCode, "and without a session")
}

// inline finds what the policy forbids.
var inline = regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:`)

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it := w.fill(t, w.anna)
	for _, https := range []bool{false, true} {
		server := w.serve(t, site.Config{HTTPS: https})
		v := newVisitor(t, server.URL, server.Client())
		v.signIn(t, w.anna)
		paths := []string{"/", "/sign-in", "/nothing", "/static/style.css", "/static/", "/api/openapi.yaml", "/api/nothing", in(w.anna) + "/rooms", pages(w.ben) + "/log", "/desk/"}
		for _, path := range looks(it) {
			paths = append(paths, pages(w.anna)+path)
		}
		for _, path := range paths {
			a := v.get(t, path)
			policy := a.Header.Get("Content-Security-Policy")
			require.Contains(t, policy, "default-src 'none'", path)
			require.Contains(t, policy, "frame-ancestors 'none'", path)
			require.NotContains(t, policy, "unsafe", path)
			require.NotRegexp(t, inline, a.body, path)
			require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), path)
			require.Equal(t, "same-origin", a.Header.Get("Referrer-Policy"), path)
			require.Contains(t, a.Header.Get("Cache-Control"), "no-store", path)
			require.Equal(t, https, a.Header.Get("Strict-Transport-Security") != "", path)
		}
		// A file is saved and not shown, and runs nothing if it is shown.
		link := v.get(t, pages(w.anna)+"/appointments/"+it.appointment.String()+"/attachments/"+it.file.String()).Header.Get("Location")
		file := v.get(t, link)
		require.Equal(t, 200, file.StatusCode)
		require.Equal(t, secret(w.anna), file.body)
		require.Contains(t, file.Header.Get("Content-Disposition"), "attachment")
		require.Contains(t, file.Header.Get("Content-Security-Policy"), "sandbox")
		require.Contains(t, file.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")

		sheet := regexp.MustCompile(`/static/style\.css\?v=[0-9a-f]+`).FindString(v.get(t, "/sign-in").body)
		require.Contains(t, v.get(t, sheet).Header.Get("Cache-Control"), "immutable")
	}
}

// An export has what is the tenant's, and nothing else.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, w.anna)
	w.fill(t, w.ben)
	anna := w.visitor(t, w.anna)
	a := anna.post(t, pages(w.anna)+"/export", nil)
	require.Equal(t, 200, a.StatusCode)
	require.Contains(t, a.Header.Get("Content-Disposition"), "export-"+w.anna.Tenant.String()+".tar")
	manifest, _, err := lifecycle.Inspect(strings.NewReader(a.body))
	require.NoError(t, err)
	require.Equal(t, w.anna.Tenant.String(), manifest.Tenant)
	require.Equal(t, int64(1), manifest.Files.Count)
	require.Contains(t, a.body, secret(w.anna), "the control")
	for _, his := range []string{secret(w.ben), w.ben.Tenant.String(), w.ben.Email} {
		require.NotContains(t, a.body, his)
	}
	require.Contains(t, anna.get(t, pages(w.anna)+"/export").body, w.anna.Email, "who took it stands there")
}
