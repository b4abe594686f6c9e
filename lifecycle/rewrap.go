package lifecycle

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// rewrap wraps the tenant's data keys with the ring's first KEK. The keys
// themselves stay, and with them everything that is sealed.
func rewrap(ctx context.Context, c *tenancy.Conn, t tenancy.ID, ring *crypto.Ring) error {
	if ring == nil {
		return nil
	}
	rows, err := c.Query(ctx, "select key_id, kek_id, wrapped, state from watertight.tenant_keys where tenant_id = $1 and state <> 'destroyed' and kek_id <> $2 order by key_id", t, ring.WrapsWith())
	if err != nil {
		return fmt.Errorf("read the data keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (crypto.WrappedKey, error) {
		k := crypto.WrappedKey{Tenant: t}
		var id int32
		var state string
		err := row.Scan(&id, &k.KEK, &k.Wrapped, &state)
		k.ID, k.State = uint32(id), crypto.KeyState(state)
		return k, err
	})
	if err != nil {
		return fmt.Errorf("read the data keys: %w", err)
	}
	for _, k := range keys {
		w, err := ring.Rewrap(ctx, k)
		if err != nil {
			return fmt.Errorf("wrap the tenant's data key %d for this database: %w", k.ID, err)
		}
		_, err = c.Exec(ctx, "update watertight.tenant_keys set kek_id = $3, wrapped = $4 where tenant_id = $1 and key_id = $2", t, int32(k.ID), w.KEK, w.Wrapped)
		if err != nil {
			return fmt.Errorf("store the tenant's data key %d: %w", k.ID, err)
		}
	}
	return nil
}
