package platform

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// Customer is a tenant of the demonstration, with its owner's sign-in.
type Customer struct {
	Name   string
	Tenant tenancy.ID
	Room   uuid.UUID
	Owner  tenancy.Actor

	Email, Password string // of the owner
}

// Staff is a person of the platform's support, with his sign-in to the desk.
type Staff struct {
	accounts.SupportPerson

	Password string
	Hash     string // of the password
}

var operator = tenancy.Actor{Email: "operator@bookings.example"}

func (p *Platform) addCustomers(ctx context.Context, _ Config) error {
	for _, c := range []*Customer{
		{Name: "Northwind Dental", Email: "anna@northwind.example"},
		{Name: "Harbour Studio", Email: "ben@harbour.example"},
	} {
		if err := p.addCustomer(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		p.Customers = append(p.Customers, c)
	}
	return p.addStaff(ctx, &Staff{SupportPerson: accounts.SupportPerson{
		ID: uuid.New(), Email: "sam@bookings.example", Name: "Sam (support)",
	}})
}

// addCustomer makes a tenant and its owner, which only the operator can, and
// the first room, as the owner.
func (p *Platform) addCustomer(ctx context.Context, c *Customer) error {
	name, _, _ := strings.Cut(c.Email, "@")
	name = strings.ToUpper(name[:1]) + name[1:]
	err := p.operator.Run(ctx, operator, "new customer", func(ctx context.Context, conn *crosstenant.Conn) (err error) {
		c.Tenant, c.Owner.UserID, err = accounts.CreateTenant(ctx, conn, c.Name, accounts.Owner{Email: c.Email, Name: name})
		return err
	})
	if err != nil {
		return err
	}
	c.Owner.Email = c.Email
	c.Password = newPassword()
	// In the scope of a job, like the one that follows a link of an invitation.
	job, err := p.DB.AdmitJob(ctx, c.Tenant, "invitation")
	if err != nil {
		return err
	}
	if err := p.Entrance.Passwords.SetPassword(ctx, job, c.Owner.UserID, crypto.SecretString(c.Password), false); err != nil {
		return err
	}
	scope, err := p.DB.Admit(ctx, c.Owner, c.Tenant)
	if err != nil {
		return err
	}
	c.Room, err = p.Service.AddRoom(ctx, scope, "Room 1")
	return err
}

func (p *Platform) addStaff(ctx context.Context, s *Staff) error {
	var err error
	s.Password = newPassword()
	if s.Hash, err = p.Hasher.Hash(ctx, crypto.SecretString(s.Password)); err != nil {
		return err
	}
	p.Staff = append(p.Staff, s)
	return p.operator.Run(ctx, operator, "new colleague in support", func(ctx context.Context, conn *crosstenant.Conn) error {
		return accounts.AddSupportPerson(ctx, conn, s.SupportPerson)
	})
}

// newPassword is one that can be typed: four groups of five.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return strings.Join([]string{text[:5], text[5:10], text[10:15], text[15:20]}, "-")
}
