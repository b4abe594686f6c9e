package ways

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

// watertight is the library, used as a service uses it: one admission, then
// statements on the handle.
type watertight struct {
	db     *tenancy.DB
	scopes map[tenancy.ID]tenancy.Scope
}

func openSigned(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error) {
	return openWatertight(ctx, w, w.signed, k, at, conns)
}

func openUnsigned(ctx context.Context, w *World, k Kind, at Address, conns int32) (Way, error) {
	var way Way
	err := w.whileUnreachable(ctx, func() (err error) {
		way, err = openWatertight(ctx, w, w.unsigned, k, at, conns)
		return err
	})
	return way, err
}

func openWatertight(ctx context.Context, w *World, d *database, k Kind, at Address, conns int32) (Way, error) {
	db, err := tenancy.Open(ctx, w.url(d, k, at), tenancy.Config{Key: d.Key, Registry: everybody{}, MaxConns: conns, Version: "bench"})
	if err != nil {
		return nil, err
	}
	v := &watertight{db: db, scopes: map[tenancy.ID]tenancy.Scope{}}
	for _, t := range w.Tenants {
		if v.scopes[t], err = db.Admit(ctx, actor, t); err != nil {
			db.Close()
			return nil, err
		}
	}
	return v, nil
}

var actor = tenancy.Actor{UserID: uuid.MustParse("5f1d2a3c-0000-4000-8000-000000000001"), Email: "anna@alpha.example"}

// everybody is registered everywhere: admission is not what is measured.
type everybody struct{}

func (everybody) Member(context.Context, *tenancy.Conn, uuid.UUID) (tenancy.Role, error) {
	return tenancy.RoleMember, nil
}
func (everybody) Active(context.Context, *tenancy.Conn) error { return nil }

func (v *watertight) One(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return fn(ctx, v.db.For(v.scopes[t]))
}

func (v *watertight) Tx(ctx context.Context, t tenancy.ID, fn func(context.Context, Statements) error) error {
	return v.db.Tx(ctx, v.scopes[t], func(ctx context.Context, c *tenancy.Conn) error { return fn(ctx, c) })
}

func (v *watertight) Batch(ctx context.Context, t tenancy.ID, b *pgx.Batch) error {
	return v.db.For(v.scopes[t]).SendBatch(ctx, b).Close()
}

func (v *watertight) Load(ctx context.Context, t tenancy.ID, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return v.db.For(v.scopes[t]).CopyFrom(ctx, table, columns, src)
}

func (v *watertight) Close() { v.db.Close() }
