// Package site puts the faces of the booking service behind one address: pages
// for people, the API for programs, the desk of support, and what every answer
// must carry.
package site

import (
	"net/http"

	"github.com/watertight-go/watertight/examples/bookings/api"
	"github.com/watertight-go/watertight/examples/bookings/desk"
	"github.com/watertight-go/watertight/examples/bookings/page"
	"github.com/watertight-go/watertight/examples/bookings/platform"
	"github.com/watertight-go/watertight/examples/bookings/web"
)

// Config of [New].
type Config struct {
	// HTTPS says that the service is reached by https. Defaults to plain HTTP.
	HTTPS bool
}

// New returns the handler of everything.
func New(p *platform.Platform, cfg Config) (http.Handler, error) {
	book, err := page.NewBook()
	if err != nil {
		return nil, err
	}
	programs, err := api.New(api.Config{DB: p.DB, Service: p.Service, Entrance: p.Entrance, Files: p.Files})
	if err != nil {
		return nil, err
	}
	people, err := web.New(web.Config{
		DB: p.DB, Service: p.Service, Entrance: p.Entrance, Files: p.Files, Book: book, HTTPS: cfg.HTTPS,
	})
	if err != nil {
		return nil, err
	}
	support := desk.New(desk.Config{DB: p.Support, People: deskPeople(p), Hasher: p.Hasher, Book: book, HTTPS: cfg.HTTPS})
	mux := http.NewServeMux()
	mux.Handle("/api/", programs)
	mux.Handle("GET /static/", page.Static())
	mux.Handle("/desk/", sameSite(support, book))
	mux.Handle("/", sameSite(people, book))
	return headers(mux, cfg.HTTPS), nil
}

func deskPeople(p *platform.Platform) []desk.Person {
	people := make([]desk.Person, len(p.Staff))
	for i, s := range p.Staff {
		people[i] = desk.Person{SupportPerson: s.SupportPerson, Hash: s.Hash}
	}
	return people
}
