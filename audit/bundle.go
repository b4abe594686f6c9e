package audit

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/google/uuid"
)

// The files of a bundle.
const (
	bundleEvents     = "events.jsonl"
	bundleCheckpoint = "checkpoints.jsonl"
	bundleTree       = "tree.json"
	bundleKey        = "public.key"
	bundleSummary    = "summary.json"
)

// tree.json: what is needed to verify beside the events.
type bundledTree struct {
	Tenant      uuid.UUID `json:"tenant_id"`
	Size        uint64    `json:"size"`
	Range       []byte    `json:"range"`
	Pruned      uint64    `json:"pruned"`
	PrunedRange []byte    `json:"pruned_range"`
}

// Summary is what a disclosure report says about a log in figures.
type Summary struct {
	Tenant    uuid.UUID        `json:"tenant_id"`
	MadeAt    time.Time        `json:"made_at"`
	Events    uint64           `json:"events"`
	First     *time.Time       `json:"first,omitempty"`
	Last      *time.Time       `json:"last,omitempty"`
	ByAction  map[string]int64 `json:"by_action"`
	ByActor   map[string]int64 `json:"by_actor_kind"`
	ByVersion map[string]int64 `json:"by_app_version"`

	// What a customer asks for first, each with its time, actor and details.
	Refused   []Line `json:"refused_attempts"`
	Support   []Line `json:"support"`
	System    []Line `json:"cross_tenant_changes"`
	Keys      []Line `json:"key_events"`
	Prunes    []Line `json:"prunes"`
	Redacted  []Line `json:"redactions"`
	Exports   []Line `json:"exports"`
	Operators []Line `json:"direct_database_changes"`
}

// Line is one event of a summary.
type Line struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	Action  string          `json:"action"`
	Actor   string          `json:"actor"`
	IP      string          `json:"ip,omitempty"`
	Entity  string          `json:"entity,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Grant   string          `json:"grant_id,omitempty"`
	Details json.RawMessage `json:"details,omitempty"`
}

// maxLines bounds each list of a summary; the events themselves are complete.
const maxLines = 10_000

// Disclose writes the bundle that answers a customer's question what happened:
// every event of its log, the checkpoints and the public key that prove them
// complete, and a summary. It verifies offline, see [VerifyBundle]. The key is
// in it for convenience only: a reader trusts the one published elsewhere. An
// operator calls [NoteCopy] first.
func Disclose(ctx context.Context, db Querier, tenant uuid.UUID, key VerifyingKey, w io.Writer) (Summary, error) {
	s, err := openSource(ctx, db, tenant)
	if err != nil {
		return Summary{}, err
	}
	z := zip.NewWriter(w)
	sum := newSummary(tenant)
	if err := s.writeEvents(z, &sum); err != nil {
		return sum, err
	}
	if err := s.writeRest(z, key, sum); err != nil {
		return sum, err
	}
	if err := z.Close(); err != nil {
		return sum, fmt.Errorf("write the bundle: %w", err)
	}
	return sum, nil
}

// NoteCopy records in a log that an operator is about to take a copy of it: by
// the action watertight.exported or watertight.disclosed, with details that
// encode to JSON. The role needs watertight_sealer or watertight_privacy.
func NoteCopy(ctx context.Context, db Querier, tenant uuid.UUID, action string, details any) error {
	return exec(ctx, db, "record the copy", sqlNote, tenant, action, details)
}

func newSummary(tenant uuid.UUID) Summary {
	return Summary{
		Tenant: tenant, MadeAt: time.Now().UTC().Truncate(time.Second),
		ByAction: map[string]int64{}, ByActor: map[string]int64{}, ByVersion: map[string]int64{},
	}
}

func (s *source) writeEvents(z *zip.Writer, sum *Summary) error {
	f, err := z.Create(bundleEvents)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	b := bufio.NewWriterSize(f, 64<<10)
	for r, err := range s.events {
		if err != nil {
			return err
		}
		e := r.event()
		sum.add(&e)
		if err := writeLine(b, &e); err != nil {
			return err
		}
	}
	return b.Flush()
}

func (s *source) writeRest(z *zip.Writer, key VerifyingKey, sum Summary) error {
	var notes bytes.Buffer
	for _, n := range s.checkpoints {
		line, err := json.Marshal(anchored{sum.MadeAt, string(n)})
		if err != nil {
			return err
		}
		notes.Write(append(line, '\n'))
	}
	tree, err := json.MarshalIndent(bundledTree{s.tenant, s.state.size, s.state.tree.bytes(), s.state.pruned.size, s.state.pruned.bytes()}, "", "  ")
	if err != nil {
		return err
	}
	summary, err := json.MarshalIndent(sum, "", "  ")
	if err != nil {
		return err
	}
	parts := []struct {
		name string
		data []byte
	}{{bundleCheckpoint, notes.Bytes()}, {bundleTree, tree}, {bundleSummary, summary}}
	if key != (VerifyingKey{}) {
		parts = append(parts, struct {
			name string
			data []byte
		}{bundleKey, []byte(key.String() + "\n")})
	}
	for _, part := range parts {
		f, err := z.Create(part.name)
		if err == nil {
			_, err = f.Write(part.data)
		}
		if err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
	}
	return nil
}

func (sum *Summary) add(e *Event) {
	sum.Events++
	if sum.First == nil {
		sum.First = &e.At
	}
	sum.Last = &e.At
	sum.ByAction[e.Action]++
	sum.ByActor[e.ActorKind]++
	sum.ByVersion[e.AppVersion]++
	for _, l := range []struct {
		list *[]Line
		in   bool
	}{
		{&sum.Refused, e.Action == "watertight.refused"},
		{&sum.Support, e.ActorKind == "support" || e.Entity != nil && *e.Entity == "watertight.support_grants"},
		{&sum.System, e.ActorKind == "system"},
		{&sum.Keys, e.Entity != nil && *e.Entity == "watertight.tenant_keys"},
		{&sum.Prunes, e.Action == "watertight.pruned"},
		{&sum.Redacted, e.Action == "watertight.redacted"},
		{&sum.Exports, e.Action == "watertight.exported" || e.Action == "watertight.disclosed"},
		{&sum.Operators, e.ActorKind == "database" && e.Op != nil},
	} {
		if l.in && len(*l.list) < maxLines {
			*l.list = append(*l.list, line(e))
		}
	}
}

func line(e *Event) Line {
	l := Line{ID: e.ID, At: e.At, Action: e.Action, Actor: "(redacted)", IP: e.address(), Details: e.rawDiff()}
	switch {
	case e.ActorEmail != nil:
		l.Actor = *e.ActorEmail
	case e.ActorID != nil:
		l.Actor = *e.ActorID
	}
	if e.Entity != nil {
		l.Entity = *e.Entity
		if e.EntityID != nil {
			l.Entity += " " + *e.EntityID
		}
	}
	if e.Reason != nil {
		l.Reason = *e.Reason
	}
	if e.GrantID != nil {
		l.Grant = e.GrantID.String()
	}
	return l
}

var errBundle = errors.New("not a bundle of an audit log (make one with watertight audit report)")

// maxBundleFile bounds what is read into memory at once: everything but the
// events.
const maxBundleFile = 64 << 20

// VerifyBundle verifies a bundle without a database. Like [Verify], it returns
// an error only if it could not be done.
func VerifyBundle(r io.ReaderAt, size int64, cfg VerifyConfig) (Verdict, error) {
	if len(cfg.Keys) == 0 {
		return Verdict{}, errNoKeys
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return Verdict{}, errBundle
	}
	raw, err := readPart(z, bundleTree)
	if err != nil {
		return Verdict{}, err
	}
	var tree bundledTree
	if json.Unmarshal(raw, &tree) != nil {
		return Verdict{}, errBundle
	}
	s := &source{tenant: tree.Tenant}
	if s.state, err = parseState(tree.Size, tree.Range, tree.Pruned, tree.PrunedRange); err != nil {
		return Verdict{}, fmt.Errorf("%w: %w", errBundle, err)
	}
	if raw, err = readPart(z, bundleCheckpoint); err != nil {
		return Verdict{}, err
	}
	if s.checkpoints, err = ReadAnchor(bytes.NewReader(raw)); err != nil {
		return Verdict{}, fmt.Errorf("%w: %w", errBundle, err)
	}
	if raw, err = readPart(z, bundleSummary); err != nil {
		return Verdict{}, err
	}
	var said Summary
	if json.Unmarshal(raw, &said) != nil {
		return Verdict{}, errBundle
	}
	sum := newSummary(tree.Tenant)
	sum.MadeAt = said.MadeAt
	s.events = counted(bundleRecords(z), &sum)
	v, err := verify(s, cfg)
	if err != nil {
		return v, err
	}
	// The signature covers the events, so the summary is made anew from them.
	if made, err := json.MarshalIndent(sum, "", "  "); err != nil || !bytes.Equal(made, raw) {
		v.problem(Altered, "the summary is not that of the events")
	}
	return v, nil
}

func counted(events iter.Seq2[*record, error], sum *Summary) iter.Seq2[*record, error] {
	return func(yield func(*record, error) bool) {
		for r, err := range events {
			if err == nil {
				e := r.event()
				sum.add(&e)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func readPart(z *zip.Reader, name string) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, errBundle
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBundleFile))
	if err != nil {
		return nil, errBundle
	}
	return b, nil
}

// bundleRecords streams the events of a bundle. A line that cannot be read is
// an error: a bundle that was cut short is no shorter log.
func bundleRecords(z *zip.Reader) iter.Seq2[*record, error] {
	return func(yield func(*record, error) bool) {
		f, err := z.Open(bundleEvents)
		if err != nil {
			yield(nil, errBundle)
			return
		}
		defer f.Close()
		d := json.NewDecoder(bufio.NewReaderSize(f, 64<<10))
		d.DisallowUnknownFields() // what the tree does not cover must not look as if it did
		for {
			var e Event
			err := d.Decode(&e)
			if errors.Is(err, io.EOF) {
				return
			}
			var r record
			if err == nil {
				r = e.record()
				err = r.check()
			}
			if err != nil {
				yield(nil, fmt.Errorf("%w: an event cannot be read", errBundle))
				return
			}
			if !yield(&r, nil) {
				return
			}
		}
	}
}
