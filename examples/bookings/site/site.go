// Package site puts the faces of the booking service behind one address: the
// API, and what every answer must carry.
package site

import (
	"net/http"

	"github.com/watertight-go/watertight/examples/bookings/api"
	"github.com/watertight-go/watertight/examples/bookings/platform"
)

// New returns the handler of everything.
func New(p *platform.Platform) (http.Handler, error) {
	programs, err := api.New(api.Config{DB: p.DB, Service: p.Service, Entrance: p.Entrance, Files: p.Files})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", programs)
	return Headers(mux), nil
}
