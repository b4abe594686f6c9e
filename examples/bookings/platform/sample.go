package platform

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/tenancy"
)

// AddSample gives the customers a working week, so that there is something to
// look at.
func (p *Platform) AddSample(ctx context.Context) error {
	samples := [][]sampleVisit{
		{
			{0, 9, 0, 30, "Check-up, Mr Lindqvist"},
			{0, 11, 0, 60, "Root canal, Ms Ferrari"},
			{1, 8, 30, 45, "Cleaning, Mr Osei"},
			{2, 10, 0, 30, "Check-up, Ms Novak"},
			{2, 14, 0, 90, "Implant, Mr Haas"},
			{3, 9, 30, 30, "X-ray, Ms Brandt"},
			{4, 13, 0, 45, "Cleaning, Ms Ito"},
		},
		{
			{0, 10, 0, 120, "Portraits, Family Weber"},
			{1, 9, 0, 60, "Casting, Lake House"},
			{2, 15, 0, 90, "Product photos"},
			{4, 11, 0, 60, "Review with the agency"},
		},
	}
	for i, c := range p.Customers {
		if err := p.sample(ctx, c, samples[i]); err != nil {
			return fmt.Errorf("add the sample of %s: %w", c.Name, err)
		}
	}
	return nil
}

// sampleVisit is on a day of the week, from Monday on.
type sampleVisit struct {
	day, hour, minute int
	minutes           int32
	subject           string
}

func (p *Platform) sample(ctx context.Context, c *Customer, visits []sampleVisit) error {
	scope, err := p.DB.Admit(ctx, c.Owner, c.Tenant)
	if err != nil {
		return err
	}
	second, err := p.Service.AddRoom(ctx, scope, "Room 2")
	if err != nil {
		return err
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	for i, v := range visits {
		b := service.Booking{
			Room: c.Room, Subject: v.subject, Minutes: v.minutes,
			StartsAt: monday.AddDate(0, 0, v.day).Add(time.Duration(v.hour)*time.Hour + time.Duration(v.minute)*time.Minute),
		}
		if i%3 == 1 {
			b.Room = second
		}
		if _, err := p.Service.Book(ctx, scope, b); err != nil {
			return err
		}
	}
	return p.sampleColleagues(ctx, scope, c)
}

// sampleColleagues are there to be seen: nobody is told their passwords.
func (p *Platform) sampleColleagues(ctx context.Context, s tenancy.Scope, c *Customer) error {
	_, domain, _ := strings.Cut(c.Email, "@")
	for _, n := range []struct {
		name string
		role tenancy.Role
	}{{"Mia", tenancy.RoleMember}, {"Viktor", tenancy.RoleViewer}} {
		_, err := p.Service.AddPerson(ctx, s, service.NewPerson{
			Email: strings.ToLower(n.name) + "@" + domain, Name: n.name, Role: n.role, Password: crypto.SecretString(newPassword()),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
