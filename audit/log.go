package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/recording"
)

// Log writes an event that no trigger can see: a read of sensitive data, an
// export, a sign-in, a refusal. In a Tx it stands and falls with it; on a
// handle of DB.For it is a transaction of its own, and so it is for a role whose
// transactions are read-only.
//
// The action is a name such as contact.exported, of at most 100 characters and
// not one that begins with watertight. The object, such as contact, and its id
// may be empty, details nil or anything that encodes to JSON: never a secret.
// Actor, address, version and time come from the handle's scope.
func Log(ctx context.Context, c *tenancy.Conn, action, object, objectID string, details any) error {
	if action == "" {
		return errors.New("the event has no action (name what was done)")
	}
	var raw []byte
	if details != nil {
		var err error
		if raw, err = json.Marshal(details); err != nil {
			return fmt.Errorf("audit %s: encode the details: %w", action, err)
		}
	}
	if err := query.New(recording.Handle(c)).AuditLog(tenancy.WithAction(ctx, action), action, optional(object), optional(objectID), raw); err != nil {
		return fmt.Errorf("audit %s: %w", action, err)
	}
	return nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
