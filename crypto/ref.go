package crypto

import (
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto/internal/envelope"
	"github.com/watertight-go/watertight/tenancy"
)

// Ref names the one cell a sealed value belongs to. Together with the tenant it
// is authenticated with the value, so a sealed value that is copied to another
// row, column, table or tenant does not open there.
//
// Table and Column are labels given in code, not read from the catalogue:
// renaming a table must not make its values unreadable. Choose them once and
// never change them. Moving a value to another Ref is opening and sealing it.
type Ref struct {
	Table  string // a stable label such as "calendar_connection"
	Column string // a stable label such as "access_token"
	Row    Row    // the row's identifier
}

// Row identifies a row inside its table. The zero Row names none and is refused.
type Row struct{ id string }

// RowUUID is a row with a UUID as its identifier; it binds the 16 bytes.
func RowUUID(id uuid.UUID) Row {
	if id == uuid.Nil {
		return Row{}
	}
	return Row{string(id[:])}
}

// RowInt is a row with an integer as its identifier; it binds 8 bytes, big endian.
func RowInt(id int64) Row {
	return Row{string(binary.BigEndian.AppendUint64(nil, uint64(id)))}
}

// context returns what the envelope binds a value to.
func (r Ref) context(t tenancy.ID) envelope.Context {
	return envelope.Context{Tenant: t.Bytes(), Table: r.Table, Column: r.Column, Row: r.Row.id}
}
