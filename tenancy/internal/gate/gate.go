// Package gate lets the packages below tenancy that pass by an admission or a
// role's read-only transaction do so without tenancy exporting a way. Only
// packages under tenancy can import it, and their import paths say what they do.
package gate

// Values are of type any because tenancy's types cannot be named here: tenancy
// imports this package to fill it.
var (
	// NewScope is func(db *tenancy.DB, a tenancy.Actor, t tenancy.ID, r tenancy.Role) (tenancy.Scope, error).
	NewScope any

	// NewCrossScope is func(db *tenancy.DB, a tenancy.Actor, reason string) tenancy.Scope.
	NewCrossScope any

	// Recording is func(c *tenancy.Conn) *tenancy.Conn.
	Recording any

	// NewLookup is func(db *tenancy.DB, job string) *tenancy.Conn.
	NewLookup any

	// OpenSystem is func(ctx context.Context, url string, cfg tenancy.Config) (*tenancy.DB, error).
	OpenSystem any

	// OpenSupport is func(ctx context.Context, url string, cfg tenancy.Config) (*tenancy.DB, error).
	OpenSupport any

	// AdmitSupport is func(db *tenancy.DB, ctx context.Context, a tenancy.Actor, t tenancy.ID, grant uuid.UUID) (tenancy.Scope, error).
	AdmitSupport any

	// OpenCustody is func(ctx context.Context, url string, cfg tenancy.Config, session map[string]string) (*tenancy.DB, error).
	OpenCustody any
)
