// Package recording lets what a read-only role did be recorded. The
// transaction of such a role is READ ONLY in Postgres, and a record is a write:
// that of a viewer who exported contacts, or of a query refused to him.
//
// Package audit uses it. Other code has no reason to: what a role may not write
// it may not write through this package either.
package recording

import (
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/internal/gate"
)

// Handle returns a handle of the same scope whose statements are transactions
// of their own and may write, if the scope's role is a read-only one. Otherwise
// it returns c itself, so that a record stands and falls with its transaction.
func Handle(c *tenancy.Conn) *tenancy.Conn {
	return gate.Recording.(func(*tenancy.Conn) *tenancy.Conn)(c)
}
