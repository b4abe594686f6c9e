package platform

import (
	"context"
	"time"

	"github.com/watertight-go/watertight/accounts"
)

// pretendCalendar stands for a client of CalDAV: whatever the account, it has
// two events tomorrow.
type pretendCalendar struct{}

func (pretendCalendar) Events(_ context.Context, _ accounts.Credential, from, _ time.Time) ([]accounts.Busy, error) {
	day := from.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	return []accounts.Busy{
		{Subject: "Team breakfast", Start: day.Add(8 * time.Hour), Duration: 45 * time.Minute},
		{Subject: "Tax adviser", Start: day.Add(14 * time.Hour), Duration: time.Hour},
	}, nil
}
