package keystore

import (
	"context"
	"fmt"
	"time"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// KeyStatus is one data key and how many values need it.
type KeyStatus struct {
	Tenant    tenancy.ID      `json:"tenant"`
	KeyID     uint32          `json:"key"`
	KEK       string          `json:"kek"`
	State     crypto.KeyState `json:"state"`
	Created   time.Time       `json:"created"`
	Retired   *time.Time      `json:"retired,omitempty"`
	Destroyed *time.Time      `json:"destroyed,omitempty"`
	// Values counts the sealed values of registered columns under this key. On
	// a destroyed key they are lost.
	Values int64 `json:"values"`
}

// TenantStatus returns the keys of one tenant with the number of values under
// each. It reads every sealed value's first bytes.
func TenantStatus(ctx context.Context, c *crosstenant.Conn, t tenancy.ID) ([]KeyStatus, error) {
	q := platform.New(c)
	rows, err := q.TenantKeyStates(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("read key states: %w", err)
	}
	columns, err := platformColumns(ctx, q)
	if err != nil {
		return nil, err
	}
	values, err := countByKey(ctx, c, t, columns)
	if err != nil {
		return nil, err
	}
	out := make([]KeyStatus, 0, len(rows))
	for _, r := range rows {
		s := newStatus(platform.KeyStatesRow(r))
		s.Values = values[s.KeyID]
		out = append(out, s)
	}
	return out, nil
}

// Status returns the keys of all tenants, without counting values.
func Status(ctx context.Context, c *crosstenant.Conn) ([]KeyStatus, error) {
	rows, err := platform.New(c).KeyStates(ctx)
	if err != nil {
		return nil, fmt.Errorf("read key states: %w", err)
	}
	out := make([]KeyStatus, 0, len(rows))
	for _, r := range rows {
		out = append(out, newStatus(r))
	}
	return out, nil
}

func newStatus(r platform.KeyStatesRow) KeyStatus {
	return KeyStatus{
		Tenant: r.TenantID, KeyID: uint32(r.KeyID), KEK: r.KekID, State: crypto.KeyState(r.State),
		Created: r.CreatedAt, Retired: r.RetiredAt, Destroyed: r.DestroyedAt,
	}
}
