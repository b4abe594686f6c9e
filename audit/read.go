package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// Filter chooses events of a tenant's log. Its zero value is the newest page.
type Filter struct {
	Actor    string // an account's id, or an e-mail address
	Action   string // the name of a query, or of an event
	Entity   string // a table with its schema, such as app.bookings
	EntityID string // with Entity: the history of one row
	Since    time.Time
	Until    time.Time // not included

	// PageSize is at most 1000. Defaults to 100.
	PageSize int

	// After is the cursor that the page before returned; empty for the first.
	After string
}

// Events returns a page of the log of the handle's tenant, newest first, and
// the cursor for the next one, which is empty at the end. New events do not
// shift the pages. Salts are not part of it: see [Export] for those.
func Events(ctx context.Context, c *tenancy.Conn, f Filter) ([]Event, string, error) {
	size := f.PageSize
	if size == 0 {
		size = 100
	}
	if size < 0 || size > 1000 {
		return nil, "", fmt.Errorf("a page of %d events (ask for 1 to 1000)", size)
	}
	if f.EntityID != "" && f.Entity == "" {
		return nil, "", errors.New("an entity id without its entity (set Filter.Entity)")
	}
	after, err := parseCursor(f.After)
	if err != nil {
		return nil, "", err
	}
	var events []Event
	if f.EntityID != "" {
		events, err = history(ctx, c, f, after, size)
	} else {
		events, err = list(ctx, c, f, after, size)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the audit log: %w", err)
	}
	next := ""
	if len(events) == size {
		last := events[size-1]
		next = position{last.Epoch, last.XID, last.ID}.cursor()
	}
	return slices.DeleteFunc(events, func(e Event) bool { return !f.matches(&e) }), next, nil
}

func list(ctx context.Context, c *tenancy.Conn, f Filter, after position, size int) ([]Event, error) {
	rows, err := query.New(c).AuditEvents(ctx, c.Tenant(), after.epoch, strconv.FormatUint(after.xid, 10), after.id,
		optional(f.Actor), optional(f.Action), optional(f.Entity), moment(f.Since), moment(f.Until), int32(size))
	events := make([]Event, 0, len(rows))
	for _, r := range rows {
		events = append(events, fromRow(r))
	}
	return events, err
}

func history(ctx context.Context, c *tenancy.Conn, f Filter, after position, size int) ([]Event, error) {
	rows, err := query.New(c).AuditHistory(ctx, c.Tenant(), f.Entity, f.EntityID, after.epoch, strconv.FormatUint(after.xid, 10), after.id, int32(size))
	events := make([]Event, 0, len(rows))
	for _, r := range rows {
		events = append(events, fromRow(query.AuditEventsRow(r)))
	}
	return events, err
}

// matches is the whole filter: the query for the history of one row knows only
// a part of it.
func (f *Filter) matches(e *Event) bool {
	is := func(want string, got *string) bool { return got != nil && *got == want }
	return (f.Actor == "" || is(f.Actor, e.ActorID) || is(f.Actor, e.ActorEmail)) &&
		(f.Action == "" || f.Action == e.Action) &&
		(f.Since.IsZero() || !e.At.Before(f.Since)) && (f.Until.IsZero() || e.At.Before(f.Until))
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func fromRow(r query.AuditEventsRow) Event {
	xid, _ := strconv.ParseUint(r.Xid, 10, 64) // PostgreSQL wrote it
	e := Event{
		Tenant: r.TenantID.UUID(), Epoch: r.Epoch, XID: xid, ID: r.ID, At: r.At.UTC(),
		Op: r.Op, Action: r.Action, Query: r.Query, ActorKind: r.ActorKind, ActorID: r.ActorID, ActorEmail: r.ActorEmail,
		AppVersion: r.AppVersion, RequestID: r.RequestID, GrantID: r.GrantID, Entity: r.Entity, EntityID: r.EntityID, Reason: r.Reason,
	}
	if r.IP != nil {
		p := netip.PrefixFrom(*r.IP, r.IP.BitLen())
		e.IP = &p
	}
	if r.Diff != nil {
		s := string(r.Diff)
		e.Diff = &s
	}
	return e
}

// cursor is opaque to callers. It names a position, which is no secret: the
// page behind it is read under the handle's tenant all the same.
func (p position) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d.%d", p.epoch, p.xid, p.id))
}

// ErrCursor: [Filter.After] is not what a page before returned.
var ErrCursor = errors.New("not a cursor (pass the one that the page before returned)")

func parseCursor(s string) (position, error) {
	if s == "" {
		return position{math.MaxInt16, math.MaxUint64, math.MaxInt64}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	parts := strings.Split(string(raw), ".")
	if err != nil || len(parts) != 3 {
		return position{}, ErrCursor
	}
	epoch, err := strconv.ParseInt(parts[0], 10, 16)
	xid, err2 := strconv.ParseUint(parts[1], 10, 64)
	id, err3 := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || err2 != nil || err3 != nil {
		return position{}, ErrCursor
	}
	return position{int16(epoch), xid, id}, nil
}

// Platform names the platform's own log, in which cross-tenant work, refused
// attempts and what operators do is written. No tenant's handle can read it.
var Platform uuid.UUID

// RetentionDays is how long the events of the handle's tenant are kept.
func RetentionDays(ctx context.Context, c *tenancy.Conn) (int, error) {
	days, err := query.New(c).AuditRetentionDays(ctx, c.Tenant())
	if err != nil {
		return 0, fmt.Errorf("read the retention: %w", err)
	}
	return int(days), nil
}
