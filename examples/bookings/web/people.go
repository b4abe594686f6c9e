package web

import (
	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

type calendars struct {
	Connected  []service.Calendar
	MayConnect bool
}

func (s *web) calendars(v *visit) error {
	list, err := s.Service.Calendars(v.Context(), v.scope)
	if err != nil {
		return err
	}
	return v.show("calendars", "Calendars", "/calendars", calendars{list, v.writes()})
}

func (s *web) connectCalendar(v *visit) error {
	_, err := s.Service.ConnectCalendar(v.Context(), v.scope, service.NewCalendar{
		Account: v.PostForm.Get("account"), Password: crypto.SecretString(v.PostForm.Get("password")),
	})
	if err != nil {
		return v.again(err, s.calendars)
	}
	return v.done("/calendars", "connected")
}

func (s *web) importCalendar(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	if err := s.Service.ImportCalendar(v.Context(), v.scope, id); err != nil {
		return err
	}
	return v.done("/calendars", "imported")
}

func (s *web) disconnectCalendar(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	if err := s.Service.DisconnectCalendar(v.Context(), v.scope, id); err != nil {
		return err
	}
	return v.done("/calendars", "disconnected")
}

type team struct {
	People    []service.Person
	Self      uuid.UUID
	Roles     []tenancy.Role // that this person may give
	MayChange bool
}

// MayTouch says whether a person's role and account may be changed by whoever
// looks at the page.
func (t team) MayTouch(p service.Person) bool {
	return t.MayChange && p.ID != t.Self && (p.Role != tenancy.RoleOwner || t.Roles[0] == tenancy.RoleOwner)
}

func (s *web) team(v *visit) error {
	people, err := s.Service.Team(v.Context(), v.scope)
	if err != nil {
		return err
	}
	roles := service.Roles
	if !v.owns() {
		roles = roles[1:]
	}
	return v.show("team", "Team", "/team", team{people, v.scope.Actor().UserID, roles, v.manages()})
}

func (s *web) addPerson(v *visit) error {
	_, err := s.Service.AddPerson(v.Context(), v.scope, service.NewPerson{
		Email: v.PostForm.Get("email"), Name: v.PostForm.Get("name"),
		Role: tenancy.Role(v.PostForm.Get("role")), Password: crypto.SecretString(v.PostForm.Get("password")),
	})
	if err != nil {
		return v.again(err, s.team)
	}
	return v.done("/team", "added")
}

func (s *web) setRole(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	if err := s.Service.SetRole(v.Context(), v.scope, id, tenancy.Role(v.PostForm.Get("role"))); err != nil {
		return v.again(err, s.team)
	}
	return v.done("/team", "role")
}

func (s *web) removePerson(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	if err := s.Service.RemovePerson(v.Context(), v.scope, id); err != nil {
		return v.again(err, s.team)
	}
	return v.done("/team", "removed")
}
