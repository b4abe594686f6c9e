package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Verify checks a token and says whose it is. A token that is not valid is
// [ErrUnauthenticated]; another error means that it could not be verified.
type Verify func(ctx context.Context, token string) (Identity, error)

// maxToken bounds what is handed to a Verify, in bytes.
const maxToken = 8 << 10

// Bearer takes the token from the Authorization header (RFC 6750, section 2.1).
func Bearer(verify Verify) Authenticator {
	return AuthenticatorFunc(func(r *http.Request) (Identity, error) {
		values := r.Header.Values("Authorization")
		if len(values) != 1 {
			return Identity{}, ErrUnauthenticated
		}
		token, ok := BearerToken(values[0])
		if !ok {
			return Identity{}, ErrUnauthenticated
		}
		return verify(r.Context(), token)
	})
}

// BearerToken takes the token out of the value of an Authorization header. The
// scheme's case does not matter (RFC 9110, section 11.1).
func BearerToken(value string) (string, bool) {
	scheme, token, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	token = strings.TrimLeft(token, " ")
	return token, token != "" && len(token) <= maxToken
}

// ErrCrossOrigin: a request that another site made the browser send, see
// [Cookie]. Answer 403.
var ErrCrossOrigin = errors.New("a request of another site (send it from a page of this one)")

// Cookie takes the token from a cookie. A browser sends cookies along with
// requests that another site made it send, so requests that change something
// are refused unless the browser says that they come from the site itself
// (Sec-Fetch-Site or Origin, see [http.CrossOriginProtection]). Set the cookie
// with HttpOnly, Secure, SameSite=Lax or Strict, and a name that begins with
// __Host-.
func Cookie(name string, verify Verify) Authenticator {
	protection := http.NewCrossOriginProtection()
	return AuthenticatorFunc(func(r *http.Request) (Identity, error) {
		if err := protection.Check(r); err != nil {
			return Identity{}, fmt.Errorf("%w: %w", ErrCrossOrigin, err)
		}
		// Two cookies of one name: a subdomain may have planted one of them.
		cookies := r.CookiesNamed(name)
		if len(cookies) != 1 || cookies[0].Value == "" || len(cookies[0].Value) > maxToken {
			return Identity{}, ErrUnauthenticated
		}
		return verify(r.Context(), cookies[0].Value)
	})
}
