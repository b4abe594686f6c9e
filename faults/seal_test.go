package faults

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// sealer is the oracle of leaks: each row carries its tenant a second time, in
// a form that nothing between a writer and a reader can make or mistake. A row
// that a broken predicate, policy, pool or protocol brings to another tenant
// does not pass, also when its tenant_id says otherwise.
type sealer struct {
	key     [32]byte
	tenants []tenancy.ID // all that there are
}

func newSealer(t testing.TB) *sealer {
	t.Helper()
	s := &sealer{}
	_, err := rand.Read(s.key[:])
	require.NoError(t, err)
	return s
}

// of seals the tenant of the row.
func (s *sealer) of(tenant tenancy.ID, id int64) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(tenant.String()))
	_ = binary.Write(mac, binary.BigEndian, id) // a hash takes everything
	return mac.Sum(nil)
}

// leak is a row that reached a tenant that it does not belong to.
type leak struct {
	reader tenancy.ID
	row    int64
}

func (l leak) Error() string {
	return fmt.Sprintf("LEAK: tenant %s read row %d of another", l.reader, l.row)
}

// errDamaged: a row that is nobody's as it stands, because the network has
// changed it. Only TLS notices.
var errDamaged = errors.New("a row arrived damaged")

// entry is a row as it is read.
type entry struct {
	Tenant tenancy.ID
	ID     int64
	Seal   []byte
}

// readable checks rows that a tenant has read.
func (s *sealer) readable(reader tenancy.ID, entries []entry) error {
	for _, e := range entries {
		if e.Tenant == reader && hmac.Equal(e.Seal, s.of(reader, e.ID)) {
			continue
		}
		foreign := func(t tenancy.ID) bool {
			return t != reader && (e.Tenant == t || hmac.Equal(e.Seal, s.of(t, e.ID)))
		}
		if slices.ContainsFunc(s.tenants, foreign) {
			return leak{reader, e.ID}
		}
		return errDamaged
	}
	return nil
}

// collect reads the rows of a query of entries and checks them. Rows that came
// before an error count as well.
func (s *sealer) collect(reader tenancy.ID, rows pgx.Rows) (n int, err error) {
	defer rows.Close()
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.Tenant, &e.ID, &e.Seal); err != nil {
			return n, err
		}
		n++
		if err := s.readable(reader, []entry{e}); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}
