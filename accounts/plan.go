package accounts

import (
	"context"
	"fmt"

	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// A Plan is what a customer pays for.
type Plan struct {
	Name string // a-z, 0-9, _ and -

	// Calendars says whether the plan has calendar connections.
	Calendars bool
}

// SetPlan puts a tenant on a plan. With one that has no calendars every calendar
// connection of the tenant ends, in the same transaction: the credentials leave
// the connections, their tokens wait to be revoked (see [Revocations]), and no
// new connection is taken, not even one that is being made at this moment.
// Killed at any point it has happened or has not; run it again.
func SetPlan(ctx context.Context, c *crosstenant.Conn, t tenancy.ID, plan Plan) error {
	q := platform.New(c)
	if !plan.Calendars {
		if _, err := q.EndCalendarConnections(ctx, t); err != nil {
			return fmt.Errorf("end the calendar connections of tenant %s: %w", t, err)
		}
	}
	n, err := q.SetPlan(ctx, t, plan.Name, plan.Calendars)
	if err != nil {
		return fmt.Errorf("set the plan of tenant %s: %w", t, err)
	}
	if n == 0 {
		return fmt.Errorf("set the plan of tenant %s: there is no such tenant", t)
	}
	return nil
}
