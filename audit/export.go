package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// Format is how events are written: one line of JSON each.
type Format string

// The formats. Only JSONL keeps what verifying needs.
const (
	JSONL Format = "jsonl" // as Event encodes
	OCSF  Format = "ocsf"  // Open Cybersecurity Schema Framework, Entity Management
	ECS   Format = "ecs"   // Elastic Common Schema
)

// ExportConfig of [Export]. The zero value exports a whole log as JSONL.
type ExportConfig struct {
	Format Format
	Since  time.Time
	Until  time.Time // not included

	// Progress, if not nil, is called now and then with the number of events
	// written so far.
	Progress func(done uint64)
}

// Export writes a log in the order of its tree, and returns how many events it
// wrote. It streams: the memory it needs does not grow with the log.
func Export(ctx context.Context, db Querier, tenant uuid.UUID, w io.Writer, cfg ExportConfig) (uint64, error) {
	line, err := cfg.Format.encoder()
	if err != nil {
		return 0, err
	}
	var n uint64
	b := bufio.NewWriterSize(w, 64<<10)
	for r, err := range readEvents(ctx, db, tenant, beginning) {
		if err != nil {
			return n, err
		}
		at := time.UnixMicro(r.unixMicro())
		if at.Before(cfg.Since) || !cfg.Until.IsZero() && !at.Before(cfg.Until) {
			continue
		}
		e := r.event()
		if err := writeLine(b, line(&e)); err != nil {
			return n, err
		}
		n++
		if cfg.Progress != nil && n%progressEvery == 0 {
			cfg.Progress(n)
		}
	}
	return n, b.Flush()
}

func writeLine(b *bufio.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	b.Write(text) // its error is sticky: Flush or the next write returns it
	return b.WriteByte('\n')
}

func (f Format) encoder() (func(*Event) any, error) {
	switch f {
	case JSONL, "":
		return func(e *Event) any { return e }, nil
	case OCSF:
		return ocsf, nil
	case ECS:
		return ecs, nil
	}
	return nil, fmt.Errorf("no export format %q (use jsonl, ocsf or ecs)", string(f))
}

// object leaves out what is not known.
type object map[string]any

func (o object) put(key string, v any) object {
	switch s := v.(type) {
	case *string:
		if s == nil {
			return o
		}
		v = *s
	case *uuid.UUID:
		if s == nil {
			return o
		}
		v = s.String()
	case object:
		if len(s) == 0 {
			return o
		}
	case json.RawMessage:
		if s == nil {
			return o
		}
	case string:
		if s == "" {
			return o
		}
	}
	o[key] = v
	return o
}

func (e *Event) address() string {
	if e.IP == nil {
		return ""
	}
	return e.IP.Addr().String()
}

func (e *Event) rawDiff() json.RawMessage {
	if e.Diff == nil {
		return nil
	}
	return json.RawMessage(*e.Diff)
}

// activity is OCSF's number for what was done: create 1, read 2, update 3,
// delete 4, other 99.
func (e *Event) activity() (int, string) {
	if e.Op == nil {
		return 99, "Other"
	}
	switch *e.Op {
	case "i":
		return 1, "Create"
	case "u":
		return 3, "Update"
	}
	return 4, "Delete"
}

// ocsf maps to Entity Management (3004) of the Identity & Access category.
func ocsf(e *Event) any {
	activity, name := e.activity()
	severity := 1
	status := 1
	if e.Action == "watertight.refused" {
		severity, status = 3, 2
	}
	return object{
		"category_uid": 3, "class_uid": 3004, "type_uid": 3004*100 + activity, "activity_id": activity, "activity_name": name,
		"severity_id": severity, "status_id": status, "time": e.At.UnixMilli(),
	}.put("metadata", object{"version": "1.3.0"}.
		put("tenant_uid", e.Tenant.String()).put("event_code", e.Action).put("uid", fmt.Sprintf("%d-%d-%d", e.Epoch, e.XID, e.ID)).
		put("correlation_uid", e.RequestID).
		put("product", object{"name": "watertight", "vendor_name": "watertight"}.put("version", e.AppVersion))).
		put("actor", object{}.put("user", object{}.put("uid", e.ActorID).put("email_addr", e.ActorEmail).put("type", e.ActorKind))).
		put("src_endpoint", object{}.put("ip", e.address())).
		put("entity", object{}.put("type", e.Entity).put("uid", e.EntityID)).
		put("comment", e.Reason).
		put("unmapped", object{}.put("diff", e.rawDiff()).put("query", e.Query).put("grant_id", e.GrantID))
}

// ecs maps to the Elastic Common Schema.
func ecs(e *Event) any {
	_, name := e.activity()
	kinds := map[string]string{"Create": "creation", "Update": "change", "Delete": "deletion", "Other": "info"}
	outcome := "success"
	if e.Action == "watertight.refused" {
		outcome = "failure"
	}
	return object{"@timestamp": e.At.Format(time.RFC3339Nano), "ecs": object{"version": "8.17.0"}}.
		put("event", object{"kind": "event", "category": []string{"database"}, "type": []string{kinds[name]}, "outcome": outcome}.
			put("action", e.Action).put("dataset", e.Entity).put("id", fmt.Sprintf("%d-%d-%d", e.Epoch, e.XID, e.ID)).put("reason", e.Reason)).
		put("organization", object{}.put("id", e.Tenant.String())).
		put("user", object{}.put("id", e.ActorID).put("email", e.ActorEmail)).
		put("source", object{}.put("ip", e.address())).
		put("service", object{}.put("version", e.AppVersion)).
		put("trace", object{}.put("id", e.RequestID)).
		put("watertight", object{"actor_kind": e.ActorKind}.put("entity_id", e.EntityID).put("diff", e.rawDiff()).
			put("query", e.Query).put("grant_id", e.GrantID))
}

// writeJSON writes one line at once, for somebody who is watching.
func writeJSON(w io.Writer, v any) error {
	b := bufio.NewWriter(w)
	if err := writeLine(b, v); err != nil {
		return err
	}
	return b.Flush()
}
