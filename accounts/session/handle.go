package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// handle is a refresh handle. Written, it is handlePrefix and then base64url
// (RFC 4648, no padding) of
//
//	off len
//	0   1   version, 1
//	1   16  tenant
//	17  16  session
//	33  32  family, random: the same in all handles of the session
//	65  32  turn, random: new with each refresh
//
// Tenant and session say where to look and prove nothing. Readers refuse a
// version that they do not know.
type handle struct {
	tenant       tenancy.ID
	session      uuid.UUID
	family, turn [32]byte
}

const (
	handlePrefix  = "wtr_" // so that scanners for leaked secrets find it
	handleVersion = 1
	handleSize    = 1 + 16 + 16 + 32 + 32
)

func newHandle(t tenancy.ID) handle {
	h := handle{tenant: t, session: uuid.New()}
	_, _ = rand.Read(h.family[:]) // never fails; the process ends if the system has no randomness
	return h.next()
}

// next returns the handle that comes after h.
func (h handle) next() handle {
	_, _ = rand.Read(h.turn[:])
	return h
}

func (h handle) familyHash() []byte { sum := sha256.Sum256(h.family[:]); return sum[:] }
func (h handle) turnHash() []byte   { sum := sha256.Sum256(h.turn[:]); return sum[:] }

func (h handle) secret() crypto.Secret {
	tenant := h.tenant.Bytes()
	b := make([]byte, 0, handleSize)
	b = append(b, handleVersion)
	b = append(b, tenant[:]...)
	b = append(b, h.session[:]...)
	b = append(b, h.family[:]...)
	b = append(b, h.turn[:]...)
	return crypto.SecretString(handlePrefix + base64.RawURLEncoding.EncodeToString(b))
}

// parseHandle returns [ErrEnded] for what is no handle: to the client it is one
// that does not work any more.
func parseHandle(s crypto.Secret) (handle, error) {
	text, ok := strings.CutPrefix(string(s.Reveal()), handlePrefix)
	if !ok {
		return handle{}, ErrEnded
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != handleSize || b[0] != handleVersion || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return handle{}, ErrEnded
	}
	var h handle
	tenant, err := uuid.FromBytes(b[1:17])
	if err != nil {
		return handle{}, ErrEnded
	}
	if h.tenant, err = tenancy.IDFromUUID(tenant); err != nil {
		return handle{}, ErrEnded
	}
	copy(h.session[:], b[17:33])
	copy(h.family[:], b[33:65])
	copy(h.turn[:], b[65:97])
	return h, nil
}
