package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

//go:embed schema.sql
var schemaSQL string

// A step is how much there is.
type step struct {
	Tenants    int `json:"tenants"`
	Rows       int `json:"rows"`
	Partitions int `json:"partitions,omitempty"` // of a second table with the same rows; 0 for none
}

func (s step) String() string {
	text := fmt.Sprintf("%s tenants, %s rows", thousands(s.Tenants), thousands(s.Rows))
	if s.Partitions > 0 {
		text += fmt.Sprintf(", and again in %d partitions", s.Partitions)
	}
	return text
}

// inAll is how many rows are to be filled.
func (s step) inAll() int {
	if s.Partitions > 0 {
		return 2 * s.Rows
	}
	return s.Rows
}

// sizes are the rows of each tenant, the largest first: in proportion to 1/k,
// and at least one.
func (s step) sizes() []int64 {
	var sum float64
	for k := 1; k <= s.Tenants; k++ {
		sum += 1 / float64(k)
	}
	sizes := make([]int64, s.Tenants)
	for k := range sizes {
		sizes[k] = max(1, int64(float64(s.Rows)/sum/float64(k+1)))
	}
	return sizes
}

// A place is the database of one step.
type place struct {
	step    step
	data    *pgtest.Database
	admin   *pgxpool.Pool
	db      *tenancy.DB
	raw     *pgxpool.Pool // as a role that row-level security does not apply to: the floor
	appURL  string
	tenants []tenancy.ID
	sizes   []int64
	upTo    []int64 // upTo[k]: rows of the tenants 0 to k, for choosing one by its share
	fresh   []int64 // the next id for a new row of each tenant's
}

const (
	application    = "growth"
	applicationRaw = "growth.raw"
	poolSize       = 8
)

func newPlace(ctx context.Context, server *pgtest.Server, s step) (*place, error) {
	d, err := server.CreateDatabase(ctx, "", pgtest.Config{})
	if err != nil {
		return nil, err
	}
	p := &place{step: s, data: d, sizes: s.sizes()}
	var sum int64
	for _, n := range p.sizes {
		p.tenants = append(p.tenants, tenancy.NewID())
		sum += n
		p.upTo = append(p.upTo, sum)
		p.fresh = append(p.fresh, n)
	}
	if p.admin, err = pgxpool.New(ctx, d.AdminURL); err != nil {
		return p, err
	}
	if err := p.fill(ctx); err != nil {
		return p, err
	}
	_, p.appURL, err = d.NewLogin(ctx, "in role watertight_app")
	if err != nil {
		return p, err
	}
	if p.db, err = p.open(ctx, poolSize, application); err != nil {
		return p, err
	}
	return p, p.openRaw(ctx)
}

func (p *place) openRaw(ctx context.Context) error {
	role, address, err := p.data.NewLogin(ctx, "bypassrls")
	if err != nil {
		return err
	}
	if address, err = withParameter(address, "application_name", applicationRaw); err != nil {
		return err
	}
	if err := p.exec(ctx, "grant usage on schema app to "+pgx.Identifier{role}.Sanitize(), "grant select on app.items to "+pgx.Identifier{role}.Sanitize()); err != nil {
		return err
	}
	p.raw, err = pgxpool.New(ctx, address)
	return err
}

func (p *place) open(ctx context.Context, conns int32, name string) (*tenancy.DB, error) {
	url, err := withParameter(p.appURL, "application_name", name)
	if err != nil {
		return nil, err
	}
	return tenancy.Open(ctx, url, tenancy.Config{Key: p.data.Key, Registry: everybody{}, MaxConns: conns, Version: "growth"})
}

func (p *place) fill(ctx context.Context) error {
	if err := p.exec(ctx, schemaSQL); err != nil {
		return err
	}
	if _, err := p.admin.Exec(ctx, "insert into app.sizes select * from unnest($1::uuid[], $2::bigint[])", p.tenants, p.sizes); err != nil {
		return err
	}
	if _, err := p.admin.Exec(ctx, "insert into watertight.tenants (id, name) select id, id::text from app.sizes"); err != nil {
		return err
	}
	if err := p.exec(ctx, "create index on app.sizes (rows)", "analyze app.sizes"); err != nil {
		return err
	}
	for i := range p.step.Partitions {
		err := p.exec(ctx, fmt.Sprintf("create table app.parts_%d partition of app.parts for values with (modulus %d, remainder %d)", i, p.step.Partitions, i))
		if err != nil {
			return err
		}
	}
	for _, table := range p.tables() {
		if _, err := p.admin.Exec(ctx, "call app.fill($1::text::regclass, $2)", "app."+table, p.sizes[0]); err != nil {
			return err
		}
		if err := p.exec(ctx, "select watertight.protect('app."+table+"')", "vacuum analyze app."+table); err != nil {
			return err
		}
	}
	return p.exec(ctx, "vacuum analyze watertight.tenants", "checkpoint")
}

// tables are those that hold rows in this step.
func (p *place) tables() []string {
	if p.step.Partitions > 0 {
		return []string{"items", "parts"}
	}
	return []string{"items"}
}

func (p *place) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := p.admin.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (p *place) close() {
	if p.db != nil {
		p.db.Close()
	}
	for _, pool := range []*pgxpool.Pool{p.raw, p.admin} {
		if pool != nil {
			pool.Close()
		}
	}
}

// everybody is registered everywhere: admission is not what is measured.
type everybody struct{}

func (everybody) Member(context.Context, *tenancy.Conn, uuid.UUID) (tenancy.Role, error) {
	return tenancy.RoleMember, nil
}
func (everybody) Active(context.Context, *tenancy.Conn) error { return nil }

var actor = tenancy.Actor{UserID: uuid.MustParse("5f1d2a3c-0000-4000-8000-000000000001"), Email: "anna@alpha.example"}

// pick chooses a row, and with it a tenant by its share: of those with as many
// rows at least, so that a list has the same length in every step.
func (p *place) pick(r *rand.Rand, atLeast int64) (tenant int, row int64) {
	last := len(p.sizes)
	if atLeast > 1 {
		last, _ = slices.BinarySearchFunc(p.sizes, atLeast, func(size, n int64) int {
			if size >= n {
				return -1
			}
			return 1
		})
		last = max(last, 1)
	}
	tenant, _ = slices.BinarySearch(p.upTo[:last], 1+r.Int64N(p.upTo[last-1]))
	return tenant, 1 + r.Int64N(max(1, p.sizes[tenant]-atLeast+1))
}

// statements is what an operation sends its statement to.
type statements interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// handles gives the statements of the tenant number k.
type handles func(k int) statements

// operations are what is measured, on a table; those that only read with the
// floor beside them.
var operations = []struct {
	name  string
	reads bool
	run   func(ctx context.Context, p *place, c handles, table string, r *rand.Rand) error
}{
	{"point", true, point}, {"list50", true, list}, {"insert", false, insert},
}

const (
	pointSQL  = "select subject, amount, at from app.%s where tenant_id = $1 and id = $2"
	listSQL   = "select id, subject, amount, at from app.%s where tenant_id = $1 and at >= $2 order by at limit 50"
	insertSQL = "insert into app.%s (tenant_id, id, subject, amount, at) values ($1, $2, $3, $4, $5)"
)

var firstTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func minutes(n int64) time.Time { return firstTime.Add(time.Duration(n) * time.Minute) }

func point(ctx context.Context, p *place, c handles, table string, r *rand.Rand) error {
	k, row := p.pick(r, 1)
	var (
		subject string
		amount  int32
		at      time.Time
	)
	return c(k).QueryRow(ctx, fmt.Sprintf(pointSQL, table), p.tenants[k], row).Scan(&subject, &amount, &at)
}

const listed = 50

func list(ctx context.Context, p *place, c handles, table string, r *rand.Rand) error {
	k, row := p.pick(r, listed)
	rows, err := c(k).Query(ctx, fmt.Sprintf(listSQL, table), p.tenants[k], minutes(row))
	if err != nil {
		return err
	}
	var (
		n, id   int64
		subject string
		amount  int32
		at      time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &subject, &amount, &at}, func() error { n++; return nil })
	if err == nil && n < min(listed, p.sizes[k]) {
		return fmt.Errorf("a list of %d rows instead of %d", n, listed)
	}
	return err
}

// insert is for one goroutine at a time: the new ids are counted.
func insert(ctx context.Context, p *place, c handles, table string, r *rand.Rand) error {
	k, _ := p.pick(r, 1)
	p.fresh[k]++
	tag, err := c(k).Exec(ctx, fmt.Sprintf(insertSQL, table), p.tenants[k], p.fresh[k], "a new one", int32(1), minutes(p.fresh[k]))
	if err == nil && tag.RowsAffected() != 1 {
		return errors.New("nothing was inserted")
	}
	return err
}
