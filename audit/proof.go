package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Proof shows that one event is in a log, to somebody who has the public key
// and nothing else of the log. Its size grows with the logarithm of the log's.
type Proof struct {
	Event      Event  `json:"event"`
	Index      uint64 `json:"index"`
	Path       []Hash `json:"path"`
	Checkpoint string `json:"checkpoint"`
}

// MarshalText writes a hash as base64.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	parsed, err := parseHash(string(b))
	if err == nil {
		*h = parsed
	}
	return err
}

// ErrNotSealed: the event is not there, or not sealed yet.
var ErrNotSealed = errors.New("the log has no sealed event of this id (wait for the sealer, or check the id and the tenant)")

// Prove builds the proof of one event against the log's newest checkpoint.
func Prove(ctx context.Context, db Querier, tenant uuid.UUID, eventID int64) (Proof, error) {
	s, err := openSource(ctx, db, tenant)
	if err != nil {
		return Proof{}, err
	}
	if len(s.checkpoints) == 0 {
		return Proof{}, ErrNotSealed
	}
	var (
		proof = Proof{Checkpoint: string(s.checkpoints[len(s.checkpoints)-1])}
		p     = newProver(s.state.pruned)
		l     leafer
		found bool
	)
	for r, err := range s.events {
		if err != nil {
			return Proof{}, err
		}
		if p.size == s.state.size {
			break
		}
		h, err := l.hash(r)
		if err != nil {
			return Proof{}, fmt.Errorf("event %d: %w", r.key().id, err)
		}
		mine := r.key().id == eventID
		if mine {
			found, proof.Event = true, r.event()
		}
		p.add(h, mine)
	}
	if !found || p.size != s.state.size {
		return Proof{}, ErrNotSealed
	}
	proof.Index = p.index
	proof.Path, err = p.proof()
	return proof, err
}

// Check verifies a proof: the signature of its checkpoint, and that the event
// is, byte for byte, the one that was sealed.
func (p Proof) Check(keys ...VerifyingKey) (Checkpoint, error) {
	c, err := OpenCheckpoint([]byte(p.Checkpoint), keys...)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Tenant != p.Event.Tenant {
		return Checkpoint{}, errProof
	}
	r := p.Event.record()
	if err := r.check(); err != nil {
		return Checkpoint{}, errProof
	}
	var l leafer
	leaf, err := l.hash(&r)
	if err != nil {
		return Checkpoint{}, errProof
	}
	return c, checkInclusion(leaf, p.Index, c.Size, p.Path, c.Root)
}

// decodeDetails reads the details of an event that the library wrote.
func decodeDetails(diff []byte, into any) bool {
	return diff != nil && json.Unmarshal(diff, into) == nil
}
