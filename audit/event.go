package audit

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Event is one line of the log. Fields that are nil were NULL; they are told
// apart from empty ones in the tree as well. The JSON form keeps every bit of
// what the tree commits to, which is why Diff is a text in it.
type Event struct {
	Tenant uuid.UUID `json:"tenant_id"` // all zero: the platform's own log
	Epoch  int16     `json:"epoch"`
	XID    uint64    `json:"xid,string"`
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`

	Op     *string `json:"op,omitempty"` // i, u, d; nil for an event that code wrote
	Action string  `json:"action"`
	Query  *string `json:"query,omitempty"` // a label that nobody signed

	ActorKind  string        `json:"actor_kind"`
	ActorID    *string       `json:"actor_id,omitempty"`
	ActorEmail *string       `json:"actor_email,omitempty"`
	IP         *netip.Prefix `json:"ip,omitempty"`
	AppVersion string        `json:"app_version"`
	RequestID  *string       `json:"request_id,omitempty"`
	GrantID    *uuid.UUID    `json:"grant_id,omitempty"`

	Entity   *string `json:"entity,omitempty"`
	EntityID *string `json:"entity_id,omitempty"`
	Reason   *string `json:"reason,omitempty"`
	Diff     *string `json:"diff,omitempty"` // {"column":[old,new]}, or the details of an event that code wrote

	SaltActor *uuid.UUID `json:"salt_actor,omitempty"`
	SaltDiff  *uuid.UUID `json:"salt_diff,omitempty"`

	// ActorHash and DiffHash stand for the halves that were redacted.
	ActorHash []byte `json:"actor_hash,omitempty"`
	DiffHash  []byte `json:"diff_hash,omitempty"`
}

// Changes returns the columns of a captured change with their old and new
// values; nil if the event is none, or redacted.
func (e *Event) Changes() map[string][2]any {
	if e.Op == nil || e.Diff == nil {
		return nil
	}
	var m map[string][2]any
	if json.Unmarshal([]byte(*e.Diff), &m) != nil {
		return nil
	}
	return m
}

// Columns of the query in sql/events.sql, in its order.
const (
	colTenant = iota
	colEpoch
	colXID
	colID
	colAt
	colOp
	colAction
	colQuery
	colActorKind
	colActorID
	colActorEmail
	colIP
	colAppVersion
	colRequestID
	colGrantID
	colEntity
	colEntityID
	colReason
	colDiff
	colSaltActor
	colSaltDiff
	colActorHash
	colDiffHash
	columns
)

// record is an event in PostgreSQL's binary form, a nil for each NULL. The tree
// is computed from it, so that verifying allocates nothing per event.
type record [columns][]byte

// fixed are the lengths of the columns that have one.
var fixed = map[int]int{
	colTenant: 16, colEpoch: 2, colXID: 8, colID: 8, colAt: 8, colGrantID: 16, colSaltActor: 16, colSaltDiff: 16,
	colActorHash: 32, colDiffHash: 32,
}

// check refuses what cannot be an event, so that no length is wrong later on.
func (r *record) check() error {
	for _, c := range []int{colTenant, colEpoch, colXID, colID, colAt, colAction, colActorKind, colAppVersion} {
		if r[c] == nil {
			return fmt.Errorf("column %d of an event is null", c)
		}
	}
	for c, n := range fixed {
		if r[c] != nil && len(r[c]) != n {
			return fmt.Errorf("column %d of an event has %d bytes, not %d", c, len(r[c]), n)
		}
	}
	if ip := r[colIP]; ip != nil && (len(ip) != 8 && len(ip) != 20 || len(ip) != 4+int(ip[3])) {
		return errors.New("the address of an event is malformed")
	}
	return nil
}

// The textual columns may come in either format; the others must be binary.
var textual = map[int]bool{
	colOp: true, colAction: true, colQuery: true, colActorKind: true, colActorID: true, colActorEmail: true,
	colAppVersion: true, colRequestID: true, colEntity: true, colEntityID: true, colReason: true, colDiff: true,
}

// rowsRecord reads the current row without copying.
func rowsRecord(rows pgx.Rows, r *record) error {
	raw := rows.RawValues()
	if len(raw) != columns {
		return fmt.Errorf("an event has %d columns, not %d (run the command of the same version as the schema)", len(raw), columns)
	}
	copy(r[:], raw)
	return r.check()
}

func checkFormats(rows pgx.Rows) error {
	for i, f := range rows.FieldDescriptions() {
		if !textual[i] && f.Format != pgx.BinaryFormatCode {
			return errors.New("the server sends text, not binary values (leave default_query_exec_mode out of the URL)")
		}
	}
	return nil
}

// pgEpoch is 2000-01-01, which PostgreSQL counts microseconds from, in the
// microseconds of Unix.
const pgEpoch = 946_684_800_000_000

func (r *record) unixMicro() int64 {
	return int64(binary.BigEndian.Uint64(r[colAt])) + pgEpoch
}

func (r *record) key() position {
	return position{
		int16(binary.BigEndian.Uint16(r[colEpoch])), binary.BigEndian.Uint64(r[colXID]), int64(binary.BigEndian.Uint64(r[colID])),
	}
}

// position is where an event stands in its tree's order.
type position struct {
	epoch int16
	xid   uint64
	id    int64
}

func (p position) after(q position) bool {
	switch {
	case p.epoch != q.epoch:
		return p.epoch > q.epoch
	case p.xid != q.xid:
		return p.xid > q.xid
	}
	return p.id > q.id
}

// event decodes a record.
func (r *record) event() Event {
	e := Event{
		Tenant: uuid.UUID(r[colTenant]), At: time.UnixMicro(r.unixMicro()).UTC(),
		Op: text(r[colOp]), Action: string(r[colAction]), Query: text(r[colQuery]),
		ActorKind: string(r[colActorKind]), ActorID: text(r[colActorID]), ActorEmail: text(r[colActorEmail]),
		AppVersion: string(r[colAppVersion]), RequestID: text(r[colRequestID]), GrantID: id(r[colGrantID]),
		Entity: text(r[colEntity]), EntityID: text(r[colEntityID]), Reason: text(r[colReason]), Diff: text(r[colDiff]),
		SaltActor: id(r[colSaltActor]), SaltDiff: id(r[colSaltDiff]),
		ActorHash: append([]byte(nil), r[colActorHash]...), DiffHash: append([]byte(nil), r[colDiffHash]...),
	}
	p := r.key()
	e.Epoch, e.XID, e.ID = p.epoch, p.xid, p.id
	if ip := r[colIP]; ip != nil {
		addr, _ := netip.AddrFromSlice(ip[4:])
		prefix := netip.PrefixFrom(addr, int(ip[1]))
		e.IP = &prefix
	}
	return e
}

func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

func id(b []byte) *uuid.UUID {
	if b == nil {
		return nil
	}
	u := uuid.UUID(b)
	return &u
}

// record is the inverse of event, for what was read from a file.
func (e *Event) record() record {
	var r record
	r[colTenant] = e.Tenant[:]
	r[colEpoch] = binary.BigEndian.AppendUint16(nil, uint16(e.Epoch))
	r[colXID] = binary.BigEndian.AppendUint64(nil, e.XID)
	r[colID] = binary.BigEndian.AppendUint64(nil, uint64(e.ID))
	r[colAt] = binary.BigEndian.AppendUint64(nil, uint64(e.At.UnixMicro()-pgEpoch))
	r[colAction], r[colActorKind], r[colAppVersion] = []byte(e.Action), []byte(e.ActorKind), []byte(e.AppVersion)
	for c, s := range map[int]*string{
		colOp: e.Op, colQuery: e.Query, colActorID: e.ActorID, colActorEmail: e.ActorEmail, colRequestID: e.RequestID,
		colEntity: e.Entity, colEntityID: e.EntityID, colReason: e.Reason, colDiff: e.Diff,
	} {
		if s != nil {
			r[c] = []byte(*s)
		}
	}
	for c, u := range map[int]*uuid.UUID{colGrantID: e.GrantID, colSaltActor: e.SaltActor, colSaltDiff: e.SaltDiff} {
		if u != nil {
			r[c] = u[:]
		}
	}
	if e.IP != nil {
		addr := e.IP.Addr()
		family := byte(2) // PGSQL_AF_INET; IPv6 is the next one
		if !addr.Is4() {
			family = 3
		}
		b := addr.AsSlice()
		r[colIP] = append([]byte{family, byte(e.IP.Bits()), 0, byte(len(b))}, b...)
	}
	if e.ActorHash != nil {
		r[colActorHash] = e.ActorHash
	}
	if e.DiffHash != nil {
		r[colDiffHash] = e.DiffHash
	}
	return r
}
