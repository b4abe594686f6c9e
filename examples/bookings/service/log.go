package service

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// Entry is an event of the tenant's log, as people read it.
type Entry struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Title   string    `json:"title"`
	Action  string    `json:"action"`
	Who     string    `json:"who"`
	Address string    `json:"address,omitempty"`
	Version string    `json:"version"`
	Object  string    `json:"object,omitempty"`
	Changes []Change  `json:"changes"`

	// Refused says that somebody was kept from something.
	Refused bool `json:"refused"`
}

// Change is one value, from what to what.
type Change struct {
	Column string `json:"column"`
	From   string `json:"from"`
	To     string `json:"to"`
}

// LogFilter chooses a page of the log. Its zero value is the newest page.
type LogFilter struct {
	Action string // one of LogActions, or any other
	After  string // the cursor of the page before
}

// LogAction is an event by the name that people have for it.
type LogAction struct{ Action, Title string }

// LogActions are the events that people look for, in the order of a menu.
var LogActions = []LogAction{
	{actionRefused, "Refused attempt"},
	{"forbidden", "Refused to a role"},
	{"accounts.foreign_tenant", "Own session asked for another customer"},
	{"accounts.sign_in", "Sign-in"},
	{"accounts.sign_in_failed", "Sign-in failed"},
	{"Book", "Appointment booked"},
	{"CancelAppointment", "Appointment cancelled"},
	{"file.downloaded", "File downloaded"},
	{"GrantSupport", "Support let in"},
	{"RevokeSupport", "Support shut out"},
	{"RecordExport", "Export"},
}

const actionRefused = "watertight.refused"

// refusals are the actions that kept somebody from something.
var refusals = []string{actionRefused, "forbidden", "accounts.foreign_tenant", "accounts.sign_in_failed", "accounts.sign_in_refused", "accounts.locked"}

// logPage is how many entries a page has.
const logPage = 50

// Log returns a page of the tenant's log, the newest first, and the cursor of
// the next page, which is empty after the last. It is for owners and admins.
func (b *Bookings) Log(ctx context.Context, s tenancy.Scope, f LogFilter) ([]Entry, string, error) {
	events, next, err := audit.Events(ctx, b.cfg.DB.For(s), audit.Filter{Action: f.Action, After: f.After, PageSize: logPage})
	if err != nil {
		return nil, "", err
	}
	entries := make([]Entry, len(events))
	for i := range events {
		entries[i] = entry(&events[i])
	}
	return entries, next, nil
}

func entry(e *audit.Event) Entry {
	out := Entry{
		ID: e.ID, At: e.At, Action: e.Action, Title: title(e.Action), Version: e.AppVersion,
		Who: who(e), Changes: changes(e), Refused: slices.Contains(refusals, e.Action),
	}
	if e.IP != nil {
		out.Address = e.IP.Addr().String()
	}
	if e.Entity != nil && e.Action != actionRefused {
		out.Object = *e.Entity
	}
	return out
}

// otherTitles name what else is common. An action without a name is shown as it
// is: the log leaves nothing out.
var otherTitles = map[string]string{
	"accounts.locked":             "Account locked after failures",
	"accounts.password_set":       "Password set",
	"accounts.sign_in_refused":    "Sign-in refused",
	"accounts.sign_out":           "Signed out",
	"AddBusyBlock":                "Calendar event fetched",
	"AddCalendarConnection":       "Calendar connected",
	"AddFirstUser":                "Account made",
	"AddMembership":               "Role given",
	"AddRoom":                     "Room added",
	"AddUser":                     "Account made",
	"AnswerSupportRequest":        "Support request answered",
	"AskForSupport":               "Support asked for",
	"Attach":                      "File added to an appointment",
	"BeginFile":                   "File begun",
	"ChangeMembership":            "Role changed",
	"crosstenant":                 "Done by the platform",
	"DeleteBusyBlocks":            "Calendar events replaced",
	"end_session":                 "Session ended",
	"FinishFile":                  "File kept",
	"GrowFile":                    "File growing",
	"keys_create":                 "Key made",
	"refresh":                     "Session renewed",
	"RemoveFile":                  "File deleted",
	"RemoveMember":                "Account removed",
	"RemoveUser":                  "Account removed",
	"RevokeCalendarConnection":    "Calendar disconnected",
	"set_password":                "Password stored",
	"SetMembership":               "Role set",
	"start_session":               "Session begun",
	"watertight.exported":         "Copy taken",
	"watertight.job":              "Background work let in",
	"watertight.support_admitted": "Support came in",
	"watertight.support":          "Support ran a statement",
}

func title(action string) string {
	for _, a := range LogActions {
		if a.Action == action {
			return a.Title
		}
	}
	if known, ok := otherTitles[action]; ok {
		return known
	}
	return action
}

// who names the actor. Of somebody who is not registered here the log has no
// address, and his id is no business of this tenant's.
func who(e *audit.Event) string {
	switch {
	case e.ActorEmail != nil && *e.ActorEmail != "":
		return *e.ActorEmail
	case e.Action == actionRefused:
		return "an account that is not registered here"
	}
	return e.ActorKind
}

func changes(e *audit.Event) []Change {
	list := []Change{}
	for column, values := range e.Changes() {
		if column != "tenant_id" {
			list = append(list, Change{column, text(values[0]), text(values[1])})
		}
	}
	slices.SortFunc(list, func(a, b Change) int { return strings.Compare(a.Column, b.Column) })
	return list
}

// text shows a value of the log; nothing stands for NULL, which a row that is
// new or gone has everywhere.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(out)
}
