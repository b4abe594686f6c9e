package middleware

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/watertight-go/watertight/tenancy"
)

// Resolver reads which tenant a request asks for. What it returns is a wish:
// the account's registration is checked afterwards, always.
//
// A request that names no tenant, or one that nobody knows, is
// [tenancy.ErrNoTenant]; the caller cannot tell that from a tenant he is not
// registered with. Another error means that it could not be looked up: 503.
type Resolver func(r *http.Request, id Identity) (tenancy.ID, error)

// Lookup finds the tenant of a public name, such as acme in acme.app.example:
// [tenancy.ErrNoTenant] if there is none. It runs before anybody is admitted,
// so it may read a table of names and nothing else.
type Lookup func(ctx context.Context, name string) (tenancy.ID, error)

// ByID is the Lookup of those who put the tenant's id itself into host or path.
func ByID(_ context.Context, name string) (tenancy.ID, error) {
	id, err := tenancy.ParseID(name)
	if err != nil {
		return tenancy.ID{}, tenancy.ErrNoTenant
	}
	return id, nil
}

// Bound asks for the tenant that the session is bound to. A session without one
// is refused.
func Bound() Resolver {
	return func(_ *http.Request, id Identity) (tenancy.ID, error) {
		if id.Tenant.IsZero() {
			return tenancy.ID{}, tenancy.ErrNoTenant
		}
		return id.Tenant, nil
	}
}

// PathPrefix reads the tenant's id from the segment of the path behind prefix:
// with "/t/" from /t/ID and /t/ID/rooms.
func PathPrefix(prefix string) Resolver { return PathPrefixOf(prefix, ByID) }

// PathPrefixOf is PathPrefix with names instead of ids.
func PathPrefixOf(prefix string, find Lookup) Resolver {
	return func(r *http.Request, _ Identity) (tenancy.ID, error) {
		rest, ok := strings.CutPrefix(r.URL.Path, prefix)
		name, _, _ := strings.Cut(rest, "/")
		if !ok || name == "" {
			return tenancy.ID{}, tenancy.ErrNoTenant
		}
		return find(r.Context(), name)
	}
}

// Subdomain reads the tenant's name from the one label before domain: with
// "app.example" from acme.app.example. The Host header is the client's to
// choose, which is why it is a wish like the others.
func Subdomain(domain string, find Lookup) Resolver {
	suffix := "." + strings.ToLower(strings.Trim(domain, "."))
	return func(r *http.Request, _ Identity) (tenancy.ID, error) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		name, ok := strings.CutSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), suffix)
		if !ok || name == "" || strings.Contains(name, ".") {
			return tenancy.ID{}, tenancy.ErrNoTenant
		}
		return find(r.Context(), name)
	}
}

// Header reads the tenant's id from a header. A header that is sent twice names
// no tenant: a proxy may look at the other one.
func Header(name string) Resolver {
	return func(r *http.Request, _ Identity) (tenancy.ID, error) {
		values := r.Header.Values(name)
		if len(values) != 1 {
			return tenancy.ID{}, tenancy.ErrNoTenant
		}
		return ByID(r.Context(), values[0])
	}
}

// Agree asks for the tenant that all resolvers name: one that finds none has no
// say, two that differ make the request name no tenant. Without a resolver it
// names none either.
func Agree(resolvers ...Resolver) Resolver {
	return func(r *http.Request, id Identity) (tenancy.ID, error) {
		var agreed tenancy.ID
		for _, resolve := range resolvers {
			t, err := resolve(r, id)
			switch {
			case errors.Is(err, tenancy.ErrNoTenant):
				continue
			case err != nil:
				return tenancy.ID{}, err
			case !agreed.IsZero() && t != agreed:
				return tenancy.ID{}, tenancy.ErrNoTenant
			}
			agreed = t
		}
		if agreed.IsZero() {
			return tenancy.ID{}, tenancy.ErrNoTenant
		}
		return agreed, nil
	}
}
