package leaktest

import (
	"context"
)

// attackSerially makes the attacks that concern the database as a whole, or
// that would wait for those of other sessions.
func (w *world) attackSerially(ctx context.Context, report *Report) error {
	return nil
}
