package api

import (
	"net/http"
	"time"

	"github.com/watertight-go/watertight/examples/bookings/service"
)

func (a *api) rooms(c *call) error { return c.give(a.Service.Rooms(c.Context(), c.scope)) }

func (a *api) addRoom(c *call) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	return c.made(a.Service.AddRoom(c.Context(), c.scope, in.Name))
}

// span is how much is listed where nothing else is asked for.
const span = 31 * 24 * time.Hour

func (a *api) appointments(c *call) error {
	from, err := instant(c.FormValue("from"), time.Now().Truncate(24*time.Hour), "from")
	if err != nil {
		return err
	}
	to, err := instant(c.FormValue("to"), from.Add(span), "to")
	if err != nil {
		return err
	}
	return c.give(a.Service.Appointments(c.Context(), c.scope, from, to))
}

// instant reads a time of the query, RFC 3339.
func instant(text string, otherwise time.Time, field string) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, &service.InputError{Field: field, Text: "Write the time as 2030-01-07T09:00:00Z."}
	}
	return at, nil
}

func (a *api) book(c *call) error {
	var in service.Booking
	if err := c.read(&in); err != nil {
		return err
	}
	return c.made(a.Service.Book(c.Context(), c.scope, in))
}

func (a *api) appointment(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	return c.give(a.Service.Appointment(c.Context(), c.scope, id))
}

func (a *api) cancel(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	return c.done(a.Service.Cancel(c.Context(), c.scope, id))
}

func (a *api) attachments(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	// Of an appointment that is not there: 404, not an empty list.
	if _, err := a.Service.Appointment(c.Context(), c.scope, id); err != nil {
		return err
	}
	return c.give(a.Service.Attachments(c.Context(), c.scope, id))
}

// attach takes the file as the body, and its name from the query.
func (a *api) attach(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	name := c.URL.Query().Get("name")
	if name == "" {
		return &service.InputError{Field: "name", Text: "Give the file's name in the query."}
	}
	return c.made(a.Service.Attach(c.Context(), c.scope, id, name, c.Body))
}

// download sends the client on to a link that is good for this account.
func (a *api) download(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	file, err := c.id("file")
	if err != nil {
		return err
	}
	token, err := a.Service.Download(c.Context(), c.scope, id, file)
	if err != nil {
		return err
	}
	http.Redirect(c.w, c.Request, "/api/t/"+c.scope.Tenant().String()+"/files/"+token, http.StatusSeeOther)
	return nil
}

func (a *api) detach(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	file, err := c.id("file")
	if err != nil {
		return err
	}
	return c.done(a.Service.Detach(c.Context(), c.scope, id, file))
}
