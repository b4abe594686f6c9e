package web

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/examples/bookings/page"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

// visit is a request for a page of a tenant, by somebody who was let in.
type visit struct {
	*http.Request

	web   *web
	w     http.ResponseWriter
	scope tenancy.Scope

	status  int
	problem service.Problem // what the form that is shown again is to say
}

// handler answers a visit, or returns the error that is to be shown.
type handler func(v *visit) error

// maxForm bounds what a form may send, except for a file.
const maxForm = 64 << 10

func (s *web) serve(h handler, w http.ResponseWriter, r *http.Request, scope tenancy.Scope) {
	v := &visit{Request: r, web: s, w: w, scope: scope, status: http.StatusOK}
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			s.message(w, http.StatusRequestEntityTooLarge, "Too much", "The form is too long.")
			return
		}
	}
	if err := h(v); err != nil {
		s.fail(w, r, err)
	}
}

// base is the path that all pages of the tenant begin with.
func (v *visit) base() string { return "/t/" + v.scope.Tenant().String() }

// id reads an id of the path. What is none names nothing.
func (v *visit) id(name string) (uuid.UUID, error) {
	id, err := uuid.Parse(v.PathValue(name))
	if err != nil {
		return uuid.Nil, service.ErrNotFound
	}
	return id, nil
}

// choice reads an id of the form. What is none is no choice, and the service
// says so.
func (v *visit) choice(name string) uuid.UUID {
	id, err := uuid.Parse(v.PostForm.Get(name))
	if err != nil {
		return uuid.Nil
	}
	return id
}

// done sends the browser on, so that reloading does not send the form again. The
// notice is a key, or anybody could put words on the page by a link.
func (v *visit) done(path, notice string) error {
	http.Redirect(v.w, v.Request, v.base()+path+"?done="+url.QueryEscape(notice), http.StatusSeeOther)
	return nil
}

// again shows the form once more with what is wrong with it. Other errors are
// pages of their own.
func (v *visit) again(err error, show handler) error {
	p, _ := service.Explain(err)
	switch p.Status {
	case http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		v.problem, v.status = p, p.Status
		return show(v)
	}
	return err
}

// manages, owns and writes decide what is shown. What is allowed, the queries
// say.
func (v *visit) manages() bool {
	return v.scope.Role() == tenancy.RoleOwner || v.scope.Role() == tenancy.RoleAdmin
}

func (v *visit) owns() bool   { return v.scope.Role() == tenancy.RoleOwner }
func (v *visit) writes() bool { return v.scope.Role() != tenancy.RoleViewer }

// show writes a page of the tenant.
func (v *visit) show(name, title, here string, body any) error {
	customer, err := v.web.Service.Customer(v.Context(), v.scope)
	if err != nil {
		return err
	}
	return v.web.Book.Show(v.w, v.status, name, &page.Page{
		Title: title, Here: here, Menu: v.menu(), Base: v.base(),
		Customer: customer, Person: v.scope.Actor().Email, Role: string(v.scope.Role()), SignOut: "/sign-out",
		Notice: notices[v.URL.Query().Get("done")], Problem: v.problem.Text, Field: v.problem.Field, Form: v.PostForm,
		Body: body,
	})
}

func (v *visit) menu() []page.Link {
	menu := []page.Link{
		{Name: "Appointments", Path: "/appointments"},
		{Name: "Calendars", Path: "/calendars"},
		{Name: "Team", Path: "/team"},
		{Name: "Support", Path: "/support"},
	}
	if v.manages() {
		menu = append(menu, page.Link{Name: "Log", Path: "/log"})
	}
	if v.owns() {
		menu = append(menu, page.Link{Name: "Export", Path: "/export"})
	}
	return menu
}

// notices are all that can be said to have been done.
var notices = map[string]string{
	"booked":       "The appointment is booked.",
	"cancelled":    "The appointment is cancelled.",
	"room":         "The room is there.",
	"attached":     "The file is kept, sealed under your key.",
	"detached":     "The file is deleted.",
	"connected":    "The calendar is connected. Its password is sealed.",
	"imported":     "The coming events are here: subject, time and duration, and nothing else.",
	"disconnected": "The calendar is disconnected. Its password is gone.",
	"added":        "The account is made.",
	"role":         "The role is changed. It is true within a minute.",
	"removed":      "The account is removed, with its sessions and calendars.",
	"asked":        "Your question is noted. An owner or an admin can now let support in.",
	"granted":      "Support is let in. Everything that is done there stands in your log.",
	"revoked":      "Support is shut out.",
}
