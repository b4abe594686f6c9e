// Package middleware lets an HTTP request into a tenant: a verified identity
// goes in, an admitted [tenancy.Scope] comes out, or the request ends here.
//
//	m, err := middleware.New(middleware.Config{
//		DB:           db,
//		Authenticate: middleware.Bearer(verifier.Identify), // who sent it
//		Tenant:       middleware.PathPrefix("/t/"),         // which tenant he asks for
//	})
//	mux.Handle("GET /t/{tenant}/rooms", m.Handle(listRooms))
//
//	func listRooms(w http.ResponseWriter, r *http.Request, s tenancy.Scope) {
//		rooms, err := store.New(db.For(s)).ListRooms(r.Context(), s.Tenant())
//		…
//	}
//
// Handlers further in find it with [Scope]; outside of the middleware that is
// the zero scope, which every handle refuses.
//
// # Who
//
// An [Authenticator] says who sent the request, and proves it: [Bearer] and
// [Cookie] around a function that verifies a token, such as Identify of
// accounts/session; or a team's own. It may say more: the tenant that the session is
// bound to, the role it was issued for, and whether a second factor was used.
//
// # Which tenant
//
// A [Resolver] reads the tenant from host, path or header. That is a wish, never
// a proof: the account must be registered there, which [tenancy.DB.Admit] asks
// in one round trip. A session that is bound to a tenant is good for that tenant
// alone; asking for another is refused, also if the account is registered with
// both, and Config.Refused of the DB hears of it. If the session carries its
// role, no question is asked and no round trip made: then the answer is as old
// as the session's token, which must be short-lived.
//
// # Answers
//
// 401 without a verified identity, 403 for a tenant that the account is not
// registered with, that does not exist, or that the request does not name, 503
// if the database cannot be asked. The bodies are constant, and the 403s are one
// and the same answer, after the same question to the database: nobody can find
// out which tenants exist. A role that needs a second factor gets 401 with the
// challenge of RFC 9470.
//
// # Where from
//
// The client's address is the connection's. Headers are believed only from
// Config.TrustedProxies, and X-Forwarded-For is read from its right end, where
// the nearest proxy wrote, up to the first address that is no proxy of ours:
// whatever a client puts there itself stands further left.
//
// # Limits
//
// A scope is for one request. What outlives the request, such as a stream that
// stays open for hours, must admit again. Nothing here limits how often somebody
// may knock; put a rate limit in front.
package middleware
