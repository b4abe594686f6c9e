package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// errHalf: a redacted half that still holds something would be a value that
// no hash covers.
var errHalf = errors.New("a half of an event holds both a commitment and a value, or neither")

// leafer computes leaves. It keeps its buffers: one is used for a whole log.
type leafer struct {
	leaf, half []byte
}

// hash returns the leaf hash of a record. The bytes are specified in the
// package documentation; watertight.audit_redact computes the same commitments.
func (l *leafer) hash(r *record) (Hash, error) {
	actor, err := l.commit(2, r[colSaltActor], r[colActorHash], r[colActorID], r[colActorEmail], r[colIP])
	if err != nil {
		return Hash{}, err
	}
	diff, err := l.commit(3, r[colSaltDiff], r[colDiffHash], r[colReason], r[colDiff])
	if err != nil {
		return Hash{}, err
	}
	b := append(l.leaf[:0], 0, 1) // the leaf prefix of RFC 6962, then the version
	b = append(b, r[colTenant]...)
	b = append(b, r[colEpoch]...)
	b = append(b, r[colXID]...)
	b = append(b, r[colID]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.unixMicro()))
	for _, c := range [...]int{colOp, colAction, colQuery, colActorKind, colEntity, colEntityID, colAppVersion, colRequestID, colGrantID} {
		b = appendField(b, r[c])
	}
	b = append(b, actor[:]...)
	b = append(b, diff[:]...)
	l.leaf = b
	return sha256.Sum256(b), nil
}

// commit hashes one half under its salt, or takes the hash that a redaction
// left behind. Without the salt, 122 random bits, nobody can guess a value
// from its commitment.
func (l *leafer) commit(kind byte, salt, kept []byte, fields ...[]byte) (Hash, error) {
	if kept != nil {
		for _, f := range fields {
			if f != nil {
				return Hash{}, errHalf
			}
		}
	}
	if (kept == nil) == (salt == nil) {
		return Hash{}, errHalf
	}
	if kept != nil {
		return Hash(kept), nil
	}
	b := append(l.half[:0], kind)
	b = append(b, salt...)
	for _, f := range fields {
		b = appendField(b, f)
	}
	l.half = b
	return sha256.Sum256(b), nil
}

// appendField writes a value so that no two lists of values have the same
// bytes: 0 for NULL, else 1, the length, and the value.
func appendField(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	return append(b, v...)
}
