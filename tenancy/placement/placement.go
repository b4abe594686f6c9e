// Package placement sends each tenant to the database of its region or cluster.
//
//	router, err := placement.New(placement.Config{
//		Places: placement.Table(home),                 // watertight.placement in the home database
//		Open: func(ctx context.Context, place string, r tenancy.Registry) (*tenancy.DB, error) {
//			return tenancy.Open(ctx, urls[place], tenancy.Config{Key: keys[place], Registry: r})
//		},
//		Registry: accounts.Registry{},
//	})
//	db, scope, err := router.Admit(ctx, actor, tenant)
//	q := query.New(db.For(scope))
//
// A pool is opened when the first tenant of its place comes. Each pool has a
// registry around the team's own that asks for the tenant's place first: in the
// wrong one nobody is admitted ([ErrWrongPlacement]), and nothing is sent
// there. Where a tenant is, a service remembers for a minute; when a tenant was
// moved meanwhile, the old place does not know it, and the router looks again.
//
// Package lifecycle moves tenants and writes the table.
package placement

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// Errors that callers branch on.
var (
	// ErrWrongPlacement: the tenant's data are kept in another place than the
	// one that was asked. Nothing was sent there.
	ErrWrongPlacement = errors.New("the tenant is kept in another place (take the database from the router)")

	// ErrNoPlacement: nobody has said where the tenant is.
	ErrNoPlacement = errors.New("the tenant has no placement (watertight tenant place sets it)")
)

// Placement says where a tenant is. Its answer is a name of Config.Open's.
// [ErrNoPlacement] if nobody knows.
type Placement interface {
	Place(ctx context.Context, t tenancy.ID) (string, error)
}

// Config of [New]. Places, Open and Registry are required.
type Config struct {
	Places   Placement
	Registry tenancy.Registry

	// Open opens the pool of a place, with the registry that it is given.
	Open func(ctx context.Context, place string, r tenancy.Registry) (*tenancy.DB, error)

	// Remember is how long a place is taken from memory. Defaults to a minute.
	Remember time.Duration
}

// Router has one pool for each place. It is safe for use by any number of
// goroutines.
type Router struct {
	cfg Config

	mu     sync.Mutex
	pools  map[string]*pool // nil once it is closed
	places map[tenancy.ID]remembered
}

type pool struct {
	mu     sync.Mutex
	db     *tenancy.DB
	closed bool
}

type remembered struct {
	place string
	until time.Time
}

// New returns a router; it connects to nothing yet.
func New(cfg Config) (*Router, error) {
	if cfg.Places == nil || cfg.Open == nil || cfg.Registry == nil {
		return nil, errors.New("placement.Config: Places, Open and Registry are required")
	}
	if cfg.Remember == 0 {
		cfg.Remember = time.Minute
	}
	return &Router{cfg: cfg, pools: map[string]*pool{}, places: map[tenancy.ID]remembered{}}, nil
}

// Close closes every pool, one that is being opened too. From then on the
// router opens none.
func (r *Router) Close() {
	r.mu.Lock()
	pools := r.pools
	r.pools = nil
	r.mu.Unlock()
	for _, p := range pools {
		p.close()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.db != nil {
		p.db.Close()
	}
}

var errClosed = errors.New("the router is closed (take databases from it before Close)")

// Forget has the tenant's place looked up again.
func (r *Router) Forget(t tenancy.ID) {
	r.mu.Lock()
	delete(r.places, t)
	r.mu.Unlock()
}

// Place returns the tenant's place, from memory for a while.
func (r *Router) Place(ctx context.Context, t tenancy.ID) (string, error) {
	if t.IsZero() {
		return "", tenancy.ErrNoTenant
	}
	r.mu.Lock()
	known, ok := r.places[t]
	r.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.place, nil
	}
	place, err := r.cfg.Places.Place(ctx, t)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.places) > maxRemembered {
		clear(r.places)
	}
	r.places[t] = remembered{place, time.Now().Add(r.cfg.Remember)}
	return place, nil
}

// maxRemembered bounds the memory; guessed ids do not fill it, for they have no
// place.
const maxRemembered = 100_000

// DB returns the pool of the tenant's place, opened if it is the first of it.
func (r *Router) DB(ctx context.Context, t tenancy.ID) (*tenancy.DB, error) {
	place, err := r.Place(ctx, t)
	if err != nil {
		return nil, err
	}
	return r.at(ctx, place)
}

func (r *Router) at(ctx context.Context, place string) (*tenancy.DB, error) {
	p := r.pool(place)
	if p == nil {
		return nil, errClosed
	}
	// One place that does not answer holds up nobody of another.
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if p.db == nil {
		db, err := r.cfg.Open(ctx, place, r.Registry(place))
		if err != nil {
			return nil, fmt.Errorf("open the database of place %s: %w", place, err)
		}
		p.db = db
	}
	return p.db, nil
}

// pool returns the pool of a place, not opened yet perhaps; nil once the router
// is closed.
func (r *Router) pool(place string) *pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pools[place]
	if p == nil && r.pools != nil {
		p = &pool{}
		r.pools[place] = p
	}
	return p
}

// Admit admits an actor to a tenant where the tenant is, see
// [tenancy.DB.Admit]. After a move it looks once more where that is.
func (r *Router) Admit(ctx context.Context, a tenancy.Actor, t tenancy.ID) (*tenancy.DB, tenancy.Scope, error) {
	for attempt := 0; ; attempt++ {
		db, err := r.DB(ctx, t)
		if err != nil {
			return nil, tenancy.Scope{}, err
		}
		scope, err := db.Admit(ctx, a, t)
		if err == nil {
			return db, scope, nil
		}
		if attempt > 0 || !errors.Is(err, tenancy.ErrNotAdmitted) && !errors.Is(err, ErrWrongPlacement) {
			return nil, tenancy.Scope{}, err
		}
		r.Forget(t)
	}
}

// Registry returns the registry for a pool of the place that somebody opens
// without the router: the team's own, behind the question whether the tenant is
// kept there.
func (r *Router) Registry(place string) tenancy.Registry { return registry{r, place} }

type registry struct {
	router *Router
	place  string
}

func (g registry) here(ctx context.Context, t tenancy.ID) error {
	place, err := g.router.Place(ctx, t)
	if err != nil {
		return err
	}
	if place != g.place {
		return ErrWrongPlacement
	}
	return nil
}

// Member is asked by [tenancy.DB.Admit].
func (g registry) Member(ctx context.Context, c *tenancy.Conn, user uuid.UUID) (tenancy.Role, error) {
	if err := g.here(ctx, c.Tenant()); err != nil {
		return "", err
	}
	return g.router.cfg.Registry.Member(ctx, c, user)
}

// Active is asked by [tenancy.DB.AdmitJob].
func (g registry) Active(ctx context.Context, c *tenancy.Conn) error {
	if err := g.here(ctx, c.Tenant()); err != nil {
		return err
	}
	return g.router.cfg.Registry.Active(ctx, c)
}

// Table is the [Placement] over watertight.placement of the home database.
func Table(home *tenancy.DB) Placement { return table{home} }

type table struct{ home *tenancy.DB }

const sqlPlace = "select place from watertight.placement where tenant = $1"

// Place looks one tenant up, in its own context: the table shows a service the
// line of that tenant and no other.
func (p table) Place(ctx context.Context, t tenancy.ID) (string, error) {
	scope, err := unverified.Scope(p.home, tenancy.Actor{Email: "placement", Kind: tenancy.KindJob}, t, tenancy.RoleJob)
	if err != nil {
		return "", err
	}
	var place string
	err = p.home.For(scope).QueryRow(ctx, sqlPlace, t).Scan(&place)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNoPlacement
	}
	if err != nil {
		return "", fmt.Errorf("look up the tenant's place: %w", err)
	}
	return place, nil
}
