package site_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/examples/bookings/site"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is the whole service on a server of the test's own: Anna owns Northwind
// Dental, Ben owns Harbour Studio.
type world struct {
	*platform.Platform

	url       string
	anna, ben *platform.Customer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	database := pgtest.New(t, pgtest.Config{Setup: []string{platform.SchemaSQL}})
	p, err := platform.Start(t.Context(), platform.Config{Database: database, WeakPasswordHashes: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	w := &world{Platform: p, anna: p.Customers[0], ben: p.Customers[1]}
	w.url = w.serve(t, site.Config{}).URL
	return w
}

func (w *world) serve(t *testing.T, cfg site.Config) *httptest.Server {
	t.Helper()
	handler, err := site.New(w.Platform, cfg)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	if cfg.HTTPS {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// scope is the owner's.
func (w *world) scope(t *testing.T, c *platform.Customer) tenancy.Scope {
	t.Helper()
	s, err := w.DB.Admit(t.Context(), c.Owner, c.Tenant)
	require.NoError(t, err)
	return s
}

const password = "paper lantern staple 7"

// hire adds somebody to a team and returns the sign-in.
func (w *world) hire(t *testing.T, c *platform.Customer, role tenancy.Role, email string) *platform.Customer {
	t.Helper()
	id, err := w.Service.AddPerson(t.Context(), w.scope(t, c), service.NewPerson{
		Email: email, Name: "Colleague", Role: role, Password: crypto.SecretString(password),
	})
	require.NoError(t, err)
	return &platform.Customer{
		Name: c.Name, Tenant: c.Tenant, Room: c.Room, Email: email, Password: password,
		Owner: tenancy.Actor{UserID: id, Email: email},
	}
}

// things are the ids of one thing of each kind that a customer has.
type things struct{ room, appointment, file, calendar, person, grant uuid.UUID }

var monday = time.Date(2030, 1, 7, 9, 0, 0, 0, time.UTC)

// secret is in everything that a customer has.
func secret(c *platform.Customer) string { return "CANARY-" + strings.Fields(c.Name)[0] }

// fill gives a customer one thing of each kind.
func (w *world) fill(t *testing.T, c *platform.Customer) (out things) {
	t.Helper()
	ctx, s := t.Context(), w.scope(t, c)
	var err error
	out.room, err = w.Service.AddRoom(ctx, s, "Room "+secret(c))
	require.NoError(t, err)
	out.appointment, err = w.Service.Book(ctx, s, service.Booking{Room: out.room, Subject: secret(c), StartsAt: monday, Minutes: 30})
	require.NoError(t, err)
	out.file, err = w.Service.Attach(ctx, s, out.appointment, secret(c)+".txt", strings.NewReader(secret(c)))
	require.NoError(t, err)
	out.calendar, err = w.Service.ConnectCalendar(ctx, s, service.NewCalendar{Account: secret(c), Password: crypto.SecretString(secret(c))})
	require.NoError(t, err)
	out.person = w.hire(t, c, tenancy.RoleMember, strings.ToLower(secret(c))+"@example.com").Owner.UserID
	out.grant, err = w.Service.GrantSupport(ctx, s, service.Grant{Person: w.Staff[0].ID, Mode: "read", Reason: secret(c), Hours: 1})
	require.NoError(t, err)
	return out
}

// events counts the events of an action in a customer's log.
func (w *world) events(t *testing.T, c *platform.Customer, action string) (entries []service.Entry) {
	t.Helper()
	entries, _, err := w.Service.Log(t.Context(), w.scope(t, c), service.LogFilter{Action: action})
	require.NoError(t, err)
	return entries
}

// program is a client of the API.
type program struct {
	url, token string
}

// answer is a response that was read.
type answer struct {
	*http.Response

	body string
}

func (w *world) program(t *testing.T, c *platform.Customer) program {
	t.Helper()
	p := program{url: w.url}
	a := p.do(t, http.MethodPost, "/api/session", map[string]string{"email": c.Email, "password": c.Password})
	require.Equal(t, http.StatusOK, a.StatusCode, a.body)
	var tokens struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &tokens))
	p.token = tokens.Token
	return p
}

func (p program) do(t *testing.T, method, path string, body any) answer {
	t.Helper()
	var send io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		send = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		require.NoError(t, err)
		send = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, p.url+path, send)
	require.NoError(t, err)
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	return do(t, http.DefaultClient, r)
}

func do(t *testing.T, client *http.Client, r *http.Request) answer {
	t.Helper()
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response, string(text)}
}
