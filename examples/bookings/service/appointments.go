package service

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/tenancy"
)

// Rooms lists the tenant's rooms by name.
func (b *Bookings) Rooms(ctx context.Context, s tenancy.Scope) ([]store.ListRoomsRow, error) {
	return b.in(s).ListRooms(ctx, s.Tenant())
}

// AddRoom is for owners and admins.
func (b *Bookings) AddRoom(ctx context.Context, s tenancy.Scope, name string) (uuid.UUID, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 80 {
		return uuid.Nil, &InputError{"name", "Give the room a name of up to 80 characters."}
	}
	return b.in(s).AddRoom(ctx, s.Tenant(), name)
}

// Booking is an appointment to be made.
type Booking struct {
	Room     uuid.UUID `json:"room"`
	Subject  string    `json:"subject"`
	StartsAt time.Time `json:"starts_at"`
	Minutes  int32     `json:"minutes"`
}

func (n Booking) validate() error {
	switch {
	case n.Subject == "" || len(n.Subject) > 200:
		return &InputError{"subject", "Say what it is about, in up to 200 characters."}
	case n.StartsAt.IsZero():
		return &InputError{"starts_at", "Choose a day and a time."}
	case n.Minutes < 5 || n.Minutes > 480:
		return &InputError{"minutes", "An appointment takes 5 to 480 minutes."}
	}
	return nil
}

// Book makes an appointment, for everybody but viewers.
func (b *Bookings) Book(ctx context.Context, s tenancy.Scope, n Booking) (uuid.UUID, error) {
	n.Subject = strings.TrimSpace(n.Subject)
	if err := n.validate(); err != nil {
		return uuid.Nil, err
	}
	by := s.Actor().UserID
	return b.in(s).Book(ctx, s.Tenant(), n.Room, n.Subject, n.StartsAt, n.Minutes, &by)
}

// Appointments lists those that begin in a span of time.
func (b *Bookings) Appointments(ctx context.Context, s tenancy.Scope, from, to time.Time) ([]store.ListAppointmentsRow, error) {
	return b.in(s).ListAppointments(ctx, s.Tenant(), from, to)
}

// Appointment returns one of the tenant's appointments.
func (b *Bookings) Appointment(ctx context.Context, s tenancy.Scope, id uuid.UUID) (store.GetAppointmentRow, error) {
	return b.in(s).GetAppointment(ctx, s.Tenant(), id)
}

// Cancel removes an appointment with its files, for everybody but viewers.
func (b *Bookings) Cancel(ctx context.Context, s tenancy.Scope, id uuid.UUID) error {
	attached, err := b.in(s).ListAttachments(ctx, s.Tenant(), id)
	if err != nil {
		return err
	}
	if err := changed(b.in(s).CancelAppointment(ctx, s.Tenant(), id)); err != nil {
		return err
	}
	// A file that is left behind belongs to nothing and shows nowhere; it is
	// still the tenant's, counts, and goes with it.
	for _, f := range attached {
		if err := b.cfg.Files.For(s).Delete(ctx, f.ID); err != nil {
			return err
		}
	}
	return nil
}
