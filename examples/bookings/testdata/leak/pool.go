// A program that must not compile: it runs a tenant's query on a pool, where no
// tenant is.
package leak

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/tenancy"
)

func appointments(ctx context.Context, pool *pgxpool.Pool, anyone tenancy.ID) error {
	_, err := store.New(pool).ListRooms(ctx, anyone)
	return err
}
