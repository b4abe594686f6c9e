package api

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/examples/bookings/service"
)

func (a *api) supportRequests(c *call) error {
	return c.give(a.Service.SupportRequests(c.Context(), c.scope))
}

func (a *api) askForSupport(c *call) error {
	var in struct {
		Question string `json:"question"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	return c.made(a.Service.AskForSupport(c.Context(), c.scope, in.Question))
}

// person is somebody of support.
type person struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Email string    `json:"email"`
}

func (a *api) supportPeople(c *call) error {
	people, err := a.Service.SupportPeople(c.Context(), c.scope)
	list := make([]person, len(people))
	for i, p := range people {
		list[i] = person{p.ID, p.Name, p.Email}
	}
	return c.give(list, err)
}

type grant struct {
	ID      uuid.UUID `json:"id"`
	Person  person    `json:"person"`
	Mode    string    `json:"mode"`
	Reason  string    `json:"reason"`
	Created time.Time `json:"created_at"`
	Expires time.Time `json:"expires_at"`
	Revoked time.Time `json:"revoked_at,omitzero"`
}

func (a *api) supportGrants(c *call) error {
	grants, err := a.Service.SupportGrants(c.Context(), c.scope)
	list := make([]grant, len(grants))
	for i, g := range grants {
		list[i] = grant{g.ID, person{g.Person.ID, g.Person.Name, g.Person.Email}, string(g.Mode), g.Reason, g.Created, g.Expires, g.Revoked}
	}
	return c.give(list, err)
}

func (a *api) grantSupport(c *call) error {
	var in service.Grant
	if err := c.read(&in); err != nil {
		return err
	}
	return c.made(a.Service.GrantSupport(c.Context(), c.scope, in))
}

func (a *api) revokeSupport(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	return c.done(a.Service.RevokeSupport(c.Context(), c.scope, id))
}

type activity struct {
	At      time.Time       `json:"at"`
	Action  string          `json:"action"`
	Person  string          `json:"person"`
	Details json.RawMessage `json:"details,omitempty"`
}

func (a *api) supportActivity(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	events, err := a.Service.SupportActivity(c.Context(), c.scope, id)
	list := make([]activity, len(events))
	for i, e := range events {
		list[i] = activity{e.At, e.Action, e.Person, e.Details}
	}
	return c.give(list, err)
}

// logPage is a page of the tenant's log.
type logPage struct {
	Entries []service.Entry `json:"entries"`
	Next    string          `json:"next,omitempty"` // for the parameter "after"
}

func (a *api) log(c *call) error {
	entries, next, err := a.Service.Log(c.Context(), c.scope, service.LogFilter{Action: c.FormValue("action"), After: c.FormValue("after")})
	return c.give(logPage{entries, next}, err)
}

func (a *api) exports(c *call) error { return c.give(a.Service.Exports(c.Context(), c.scope)) }

func (a *api) export(c *call) error {
	e, err := a.Service.BeginExport(c.Context(), c.scope)
	if err != nil {
		return err
	}
	e.Send(c.w, c.Request)
	return nil
}
