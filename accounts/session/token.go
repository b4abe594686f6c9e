package session

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// tokenType is the "typ" of an access token. RFC 8725, section 3.11: a JWT
	// that was signed for something else is not taken for one.
	tokenType = "wt-session+jwt"

	// DefaultTTL is how long an access token is good for.
	DefaultTTL = time.Minute

	// MaxTTL is the longest that can be asked for. A token cannot be taken back,
	// so this is how long a member who was removed may go on.
	MaxTTL = 15 * time.Minute

	// MaxLeeway is the most by which the clocks of two machines may differ.
	MaxLeeway = 30 * time.Second
)

// claims are the body of an access token (RFC 7519; amr is that of RFC 8176).
type claims struct {
	jwt.RegisteredClaims
	Tenant  string   `json:"tid"`
	Session string   `json:"sid"`
	Email   string   `json:"email"`
	Role    string   `json:"role"`
	Methods []string `json:"amr,omitempty"`
}
