package api

import (
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

func (a *api) calendars(c *call) error { return c.give(a.Service.Calendars(c.Context(), c.scope)) }

func (a *api) connectCalendar(c *call) error {
	var in service.NewCalendar
	if err := c.read(&in); err != nil {
		return err
	}
	return c.made(a.Service.ConnectCalendar(c.Context(), c.scope, in))
}

func (a *api) importCalendar(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	return c.done(a.Service.ImportCalendar(c.Context(), c.scope, id))
}

func (a *api) disconnectCalendar(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	return c.done(a.Service.DisconnectCalendar(c.Context(), c.scope, id))
}

func (a *api) team(c *call) error { return c.give(a.Service.Team(c.Context(), c.scope)) }

func (a *api) addPerson(c *call) error {
	var in service.NewPerson
	if err := c.read(&in); err != nil {
		return err
	}
	return c.made(a.Service.AddPerson(c.Context(), c.scope, in))
}

func (a *api) setRole(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	var in struct {
		Role tenancy.Role `json:"role"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	return c.done(a.Service.SetRole(c.Context(), c.scope, id, in.Role))
}

func (a *api) removePerson(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	return c.done(a.Service.RemovePerson(c.Context(), c.scope, id))
}
