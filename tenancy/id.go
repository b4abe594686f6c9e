package tenancy

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// ID names one tenant: a customer whose rows no other customer may reach.
//
// The zero ID is not a tenant. It cannot be encoded, neither to SQL nor to
// text, so a forgotten assignment is an error and not a tenant that everybody
// shares. Reading a NULL tenant_id (the missing side of an outer join) gives
// the zero ID.
//
// ID is comparable and may be a map key.
type ID struct{ uuid uuid.UUID }

// NewID returns a new random ID (UUID version 4, RFC 9562).
func NewID() ID { return ID{uuid.New()} }

// ParseID reads an ID in its canonical form, 36 characters with hyphens.
// Other spellings of a UUID (braces, urn:uuid:, no hyphens) are refused: two
// spellings of one tenant would be two keys in a cache, a log or a file path.
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return ID{}, fmt.Errorf("tenant id: not a UUID of 36 characters (write it as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)")
	}
	return IDFromUUID(u)
}

// IDFromUUID converts a UUID. The nil UUID is [ErrNoTenant].
func IDFromUUID(u uuid.UUID) (ID, error) {
	if u == uuid.Nil {
		return ID{}, ErrNoTenant
	}
	return ID{u}, nil
}

// IsZero reports whether id names no tenant.
func (id ID) IsZero() bool { return id.uuid == uuid.Nil }

// UUID returns the identifier as a plain UUID.
func (id ID) UUID() uuid.UUID { return id.uuid }

// Bytes returns the 16 bytes of the identifier in network order.
func (id ID) Bytes() [16]byte { return id.uuid }

// String returns the canonical form, or "no-tenant" for the zero ID, which
// [ParseID] refuses.
func (id ID) String() string {
	if id.IsZero() {
		return "no-tenant"
	}
	return id.uuid.String()
}

// MarshalText implements [encoding.TextMarshaler]. The zero ID is [ErrNoTenant].
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, ErrNoTenant
	}
	return id.uuid.MarshalText()
}

// UnmarshalText implements [encoding.TextUnmarshaler] with the rules of [ParseID].
func (id *ID) UnmarshalText(b []byte) error {
	parsed, err := ParseID(string(b))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// UUIDValue implements [pgtype.UUIDValuer]. The zero ID is [ErrNoTenant], so
// it never reaches the wire.
func (id ID) UUIDValue() (pgtype.UUID, error) {
	if id.IsZero() {
		return pgtype.UUID{}, ErrNoTenant
	}
	return pgtype.UUID{Bytes: id.uuid, Valid: true}, nil
}

// ScanUUID implements [pgtype.UUIDScanner]. NULL gives the zero ID.
func (id *ID) ScanUUID(v pgtype.UUID) error {
	if !v.Valid {
		*id = ID{}
		return nil
	}
	id.uuid = v.Bytes
	return nil
}

// TextValue implements [pgtype.TextValuer], for tenant columns of type text.
func (id ID) TextValue() (pgtype.Text, error) {
	if id.IsZero() {
		return pgtype.Text{}, ErrNoTenant
	}
	return pgtype.Text{String: id.uuid.String(), Valid: true}, nil
}

// Value implements [driver.Valuer] for database/sql. The zero ID is [ErrNoTenant].
func (id ID) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, ErrNoTenant
	}
	return id.uuid.String(), nil
}

// Scan implements [sql.Scanner] for database/sql. NULL gives the zero ID.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case string:
		return id.UnmarshalText([]byte(v))
	case [16]byte:
		id.uuid = v
		return nil
	case []byte:
		if len(v) == 16 {
			copy(id.uuid[:], v)
			return nil
		}
		return id.UnmarshalText(v)
	}
	return fmt.Errorf("tenant id: cannot read a value of type %T (select a uuid column)", src)
}

// appendTo appends the canonical text form; the token builder calls it on the
// hot path, where String would allocate.
func (id ID) appendTo(b []byte) []byte {
	var text [36]byte
	hex.Encode(text[0:8], id.uuid[0:4])
	text[8] = '-'
	hex.Encode(text[9:13], id.uuid[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], id.uuid[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], id.uuid[8:10])
	text[23] = '-'
	hex.Encode(text[24:36], id.uuid[10:16])
	return append(b, text[:]...)
}
