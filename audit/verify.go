package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Verdict is what verifying a log found out.
type Verdict struct {
	Tenant   uuid.UUID `json:"tenant_id"`
	Size     uint64    `json:"size"`     // events that were ever sealed
	Pruned   uint64    `json:"pruned"`   // of them, those that retention removed
	Checked  uint64    `json:"checked"`  // of them, those that were hashed now
	Unsealed uint64    `json:"unsealed"` // events that no checkpoint covers yet
	Redacted uint64    `json:"redacted"` // events with a half that was redacted
	Root     Hash      `json:"-"`

	// Checkpoints is how many signed heads the log was compared with, and
	// Newest the size of the largest of them.
	Checkpoints int    `json:"checkpoints"`
	Newest      uint64 `json:"newest"`

	// Problems are empty for a log that nobody has touched.
	Problems []Problem `json:"problems"`
}

// OK reports whether the log is what was sealed.
func (v Verdict) OK() bool { return len(v.Problems) == 0 }

// Problem is one reason not to trust a log.
type Problem struct {
	Kind   ProblemKind `json:"kind"`
	Detail string      `json:"detail"`
}

// ProblemKind is stable, for scripts.
type ProblemKind string

// The kinds of problems.
const (
	Altered    ProblemKind = "altered"     // events were changed, removed, added or moved
	Missing    ProblemKind = "missing"     // the log is shorter than what was sealed
	Unsigned   ProblemKind = "unsigned"    // a checkpoint is absent, or none of the keys has signed it
	RolledBack ProblemKind = "rolled-back" // a checkpoint held outside is of a longer log
	BadRecord  ProblemKind = "bad-record"  // an event cannot be one: out of order, of another tenant, half redacted
	BadPrune   ProblemKind = "bad-prune"   // events were removed, and no event says so
)

func (v *Verdict) problem(kind ProblemKind, format string, args ...any) {
	v.Problems = append(v.Problems, Problem{kind, fmt.Sprintf(format, args...)})
}

// VerifyConfig of [Verify]. Keys is required.
type VerifyConfig struct {
	// Keys are the log's public keys, from a place that the database's
	// administrator cannot write to.
	Keys []VerifyingKey

	// Outside are checkpoints from anchors, of this and other logs. Without
	// them, what a superuser cut off together with its checkpoints is not
	// noticed.
	Outside [][]byte

	// Progress, if not nil, is called now and then with the number of events
	// hashed so far and the number that the tree has.
	Progress func(done, of uint64)
}

// Verify hashes the whole log of a tenant again and compares it with the
// checkpoints in the database and with those given. The zero tenant stands for
// the platform's own log. An error means that it could not be done; what is
// wrong with the log stands in the verdict.
func Verify(ctx context.Context, db Querier, tenant uuid.UUID, cfg VerifyConfig) (Verdict, error) {
	if len(cfg.Keys) == 0 {
		return Verdict{}, errNoKeys
	}
	s, err := openSource(ctx, db, tenant)
	if err != nil {
		return Verdict{}, err
	}
	return verify(s, cfg)
}

var errNoKeys = errors.New("no key to verify with (pass the log's public key)")

// head is a size at which the tree must have a certain root.
type head struct {
	Checkpoint
	outside bool
}

const progressEvery = 1 << 14

func verify(s *source, cfg VerifyConfig) (Verdict, error) {
	v := Verdict{Tenant: s.tenant, Size: s.state.size, Pruned: s.state.pruned.size, Problems: []Problem{}}
	heads := openHeads(s, cfg, &v)
	tree := s.state.pruned.clone()
	good := tree.size // the greatest size that a checkpoint confirmed
	compare := func() {
		for len(heads) > 0 && heads[0].Size == tree.size {
			if tree.root() == heads[0].Root {
				good = tree.size
			} else {
				v.problem(Altered, "the events up to the checkpoint of %d differ from what was sealed (those up to %d were confirmed)", heads[0].Size, good)
			}
			heads = heads[1:]
		}
	}
	compare() // one may stand at the end of what was pruned

	var (
		l      leafer
		last   = beginning
		pruned uint64
	)
	for r, err := range s.events {
		if err != nil {
			return v, err
		}
		if uuid.UUID(r[colTenant]) != s.tenant {
			v.problem(BadRecord, "event %d is of another tenant", r.key().id)
		}
		if key := r.key(); !key.after(last) {
			v.problem(BadRecord, "event %d is out of order", key.id)
		} else {
			last = key
		}
		if r[colActorHash] != nil || r[colDiffHash] != nil {
			v.Redacted++
		}
		if string(r[colAction]) == "watertight.pruned" && r[colOp] == nil {
			pruned = max(pruned, prunedBy(r))
		}
		if tree.size >= s.state.size {
			v.Unsealed++
			continue
		}
		h, err := l.hash(r)
		if err != nil {
			v.problem(BadRecord, "event %d: %v", r.key().id, err)
		}
		tree.add(h)
		v.Checked++
		compare()
		if cfg.Progress != nil && v.Checked%progressEvery == 0 {
			cfg.Progress(v.Checked, v.Size-v.Pruned)
		}
		if len(v.Problems) > 100 {
			return v, nil
		}
	}
	v.Root = tree.root()
	conclude(s, &v, &tree, heads, pruned)
	return v, nil
}

// openHeads verifies the signatures and sorts the heads by size.
func openHeads(s *source, cfg VerifyConfig, v *Verdict) []head {
	var heads []head
	for _, note := range s.checkpoints {
		c, err := OpenCheckpoint(note, cfg.Keys...)
		if err != nil || c.Tenant != s.tenant {
			v.problem(Unsigned, "a checkpoint in the database has no valid signature of the key")
			continue
		}
		heads = append(heads, head{Checkpoint: c})
	}
	for _, note := range cfg.Outside {
		c, err := OpenCheckpoint(note, cfg.Keys...)
		switch {
		case err != nil:
			v.problem(Unsigned, "a checkpoint held outside has no valid signature of the key")
		case c.Tenant == s.tenant && c.Size > s.state.size:
			v.problem(RolledBack, "a checkpoint held outside is of %d events, the log has %d", c.Size, s.state.size)
		case c.Tenant == s.tenant:
			heads = append(heads, head{c, true})
		}
	}
	slices.SortStableFunc(heads, func(a, b head) int { return cmp.Compare(a.Size, b.Size) })
	kept := heads[:0]
	for _, h := range heads {
		v.Newest = max(v.Newest, h.Size)
		// What lies in front of the pruned part cannot be hashed any more.
		if h.Size >= s.state.pruned.size {
			kept = append(kept, h)
		}
	}
	v.Checkpoints = len(kept)
	return kept
}

func conclude(s *source, v *Verdict, tree *compactRange, heads []head, pruned uint64) {
	if tree.size < s.state.size {
		v.problem(Missing, "%d of %d sealed events are gone", s.state.size-tree.size, s.state.size)
	} else if s.state.tree.root() != v.Root {
		v.problem(Altered, "the events differ from the stored tree")
	}
	for _, h := range heads {
		if h.Size > s.state.size {
			v.problem(RolledBack, "a checkpoint is of %d events, the tree has %d", h.Size, s.state.size)
		}
	}
	if v.Newest < s.state.size {
		v.problem(Unsigned, "the newest checkpoint is of %d events, the tree has %d", v.Newest, s.state.size)
	}
	if v.Pruned > 0 && pruned != v.Pruned {
		v.problem(BadPrune, "%d events were removed from the begin of the log, the log speaks of %d", v.Pruned, pruned)
	}
}

// prunedBy is the size up to which an event says that the log was pruned.
func prunedBy(r *record) uint64 {
	var d struct {
		Pruned uint64 `json:"pruned"`
	}
	if !decodeDetails(r[colDiff], &d) {
		return 0
	}
	return d.Pruned
}
