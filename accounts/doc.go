// Package accounts is Watertight's own answer to who works for which tenant:
// the tables watertight.tenants, users and memberships, how people sign in, and
// the keys of programs.
//
// A person who works for two tenants has two rows in users, with one id, so
// nothing of an account is shared between tenants, also not the password.
//
//	db, err := tenancy.Open(ctx, url, tenancy.Config{Key: key, Registry: accounts.Registry{}})
//
// A team with its own users table implements [tenancy.Registry] instead:
//
//	type registry struct{}
//
//	func (registry) Member(ctx context.Context, c *tenancy.Conn, user uuid.UUID) (tenancy.Role, error) {
//		role, err := app.New(c).RoleOf(ctx, c.Tenant(), user)
//		return tenancy.Role(role), err // pgx.ErrNoRows counts as not admitted
//	}
//
// examples/registry is such a team, and examples/worker its work in the
// background.
//
// Making and closing tenants is the platform's work, see [CreateTenant]; it
// needs tenancy/crosstenant. What happens inside a tenant needs only its scope.
//
// # Signing in
//
//	in, err := accounts.NewSignIn(accounts.SignInConfig{DB: db, Passwords: passwords, Hasher: hasher})
//
//	scope, err := in.Password(ctx, accounts.Attempt{Email: email, Password: password, Tenant: tenant, IP: ip})
//	switch {
//	case errors.Is(err, accounts.ErrSignIn):  // 401, in the same words for all
//	case errors.Is(err, accounts.ErrLimited): // 429
//	case errors.Is(err, crypto.ErrBusy):      // 503
//	}
//	tokens, err := issuer.Start(ctx, scope, r.UserAgent(), "pwd") // package session
//
// An address that nobody has, a wrong password, a locked or suspended account
// and a tenant where the account is not registered have one answer, after the
// same work. A [Limiter] is asked before, by network address and by account.
// Ten failures in a row lock an account, see [SignInConfig].
//
// To work in another tenant a person signs in there.
//
// # API keys
//
//	keys, err := accounts.NewAPIKeys(db, nil)
//	key, secret, err := keys.Create(ctx, scope, "invoices", tenancy.RoleMember, 90*24*time.Hour)
//	scope, err := keys.Resolve(ctx, secret, ip, requestID) // for each request
//
// # Limits
//
// It sends no mail: a link to set a password is the service's, which calls
// SetPassword in the scope of a job when it was followed. Second factors are
// the service's too; package session carries their result. Accounts can be
// locked from outside by whoever knows an address, for an hour at most.
//
// Support comes in on a grant of the tenant's own, see [GrantSupport].
// Calendar connections are made and ended by [Calendars]; the job [Revocations]
// tells their providers.
package accounts
