package files

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// The life of a link. It is a pass of its own, so it is short.
const (
	DefaultLinkTTL = 5 * time.Minute
	MaxLinkTTL     = 15 * time.Minute
)

// LinkKey signs download links.
type LinkKey struct {
	ID  string        // 1 to 16 characters of a-z and 0-9; stands in each link
	Key crypto.Secret // 32 random bytes or more, used for nothing else
}

var linkKeyID = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

func checkLinkKeys(keys []LinkKey) error {
	seen := make(map[string]bool)
	for _, k := range keys {
		if !linkKeyID.MatchString(k.ID) || seen[k.ID] {
			return errors.New("a link key has no usable ID, or one that is there twice (1 to 16 characters of a-z and 0-9)")
		}
		if k.Key.Len() < 32 {
			return fmt.Errorf("the link key %s is shorter than 32 bytes (make one of 32 random bytes)", k.ID)
		}
		seen[k.ID] = true
	}
	return nil
}

// A link is "l1." ‖ key ID ‖ "." ‖ base64url of
//
//	tenant (16) ‖ file (16) ‖ account (16) ‖ expiry in seconds since 1970 (8, big endian) ‖ MAC (32)
//
// The MAC is HMAC-SHA-256 (RFC 2104) over linkLabel, everything before the
// base64, and the 56 bytes before itself. The lengths are fixed and an ID has
// no dot, so no two links have the same MAC input.
const (
	linkVersion = "l1."
	linkLabel   = "watertight file link\x00"
	claimsSize  = 16 + 16 + 16 + 8
)

// linkClaims is what a link says.
type linkClaims struct {
	tenant  tenancy.ID
	file    uuid.UUID
	account uuid.UUID
	expiry  int64
}

func (c linkClaims) encode() []byte {
	t := c.tenant.Bytes()
	b := make([]byte, 0, claimsSize+sha256.Size)
	b = append(b, t[:]...)
	b = append(b, c.file[:]...)
	b = append(b, c.account[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(c.expiry))
}

// Link returns a token that lets the scope's account, and no other, download
// the file through [LinkHandler] until it expires. ttl defaults to
// DefaultLinkTTL and is at most MaxLinkTTL; the token is good for one element of
// a URL's path. It returns [ErrNotFound] for a file that the tenant has not.
//
// A job has no account and gets no link.
func (h *Handle) Link(ctx context.Context, id uuid.UUID, ttl time.Duration) (token string, expires time.Time, err error) {
	q, err := h.usable()
	if err != nil {
		return "", time.Time{}, err
	}
	if ttl == 0 {
		ttl = DefaultLinkTTL
	}
	switch {
	case ttl < time.Second || ttl > MaxLinkTTL:
		return "", time.Time{}, fmt.Errorf("a link for %s is out of range (from 1s to %s)", ttl, MaxLinkTTL)
	case len(h.store.links) == 0:
		return "", time.Time{}, errors.New("the file store signs no links (set Config.LinkKeys)")
	case h.actor() == uuid.Nil:
		return "", time.Time{}, errors.New("a link is for an account, and the scope has none (admit a user)")
	}
	if _, err := q.GetFile(ctx, h.scope.Tenant(), id); noRows(err) {
		return "", time.Time{}, ErrNotFound
	} else if err != nil {
		return "", time.Time{}, fmt.Errorf("link to file %s: %w", id, err)
	}
	expires = h.store.now().Add(ttl).Truncate(time.Second)
	c := linkClaims{h.scope.Tenant(), id, h.actor(), expires.Unix()}
	return sign(h.store.links[0], c), expires, nil
}

func sign(k LinkKey, c linkClaims) string {
	head, claims := linkVersion+k.ID+".", c.encode()
	return head + base64.RawURLEncoding.EncodeToString(append(claims, linkMAC(k, head, claims)...))
}

func linkMAC(k LinkKey, head string, claims []byte) []byte {
	key := k.Key.Reveal()
	defer clear(key)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(linkLabel))
	mac.Write([]byte(head))
	mac.Write(claims)
	return mac.Sum(nil)
}

// verify returns what a link says if this store made it and it has not expired.
func (s *Store) verify(token string) (linkClaims, error) {
	for _, k := range s.links {
		head := linkVersion + k.ID + "."
		if len(token) <= len(head) || token[:len(head)] != head {
			continue
		}
		// Strict: bits that do not count would give one link many spellings.
		b, err := base64.RawURLEncoding.Strict().DecodeString(token[len(head):])
		if err != nil || len(b) != claimsSize+sha256.Size || !hmac.Equal(b[claimsSize:], linkMAC(k, head, b[:claimsSize])) {
			return linkClaims{}, ErrLink
		}
		return s.current(b[:claimsSize])
	}
	return linkClaims{}, ErrLink
}

// current reads claims whose MAC is right.
func (s *Store) current(b []byte) (linkClaims, error) {
	t, err := tenancy.IDFromUUID(uuid.UUID(b[:16]))
	if err != nil {
		return linkClaims{}, ErrLink
	}
	c := linkClaims{t, uuid.UUID(b[16:32]), uuid.UUID(b[32:48]), int64(binary.BigEndian.Uint64(b[48:]))}
	// A link that lives longer than any may was not made by Link.
	now := s.now()
	if expires := time.Unix(c.expiry, 0); !now.Before(expires) || expires.After(now.Add(MaxLinkTTL)) || c.account == uuid.Nil {
		return linkClaims{}, ErrLink
	}
	return c, nil
}
