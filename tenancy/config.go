package tenancy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Binding is what a tenant context is tied to beside its tenant and its
// expiry: the narrower, the less a captured one is worth.
type Binding uint8

const (
	// BindSession ties it to one connection, by the backend's process id. No
	// round trip is added. The default.
	BindSession Binding = iota

	// BindTransaction ties it to one transaction, by a challenge, at the price
	// of one round trip a statement or transaction. It works behind a
	// transaction pooler, too.
	BindTransaction

	// BindNone ties it to nothing, so that it works behind a transaction
	// pooler, where the next statement may reach another backend, and on a
	// Citus cluster, whose workers verify it in backends of their own. A context
	// that leaks is then good for 60 seconds in any session of the role.
	BindNone
)

// Config of [Open]. Key and Registry are required; the zero value of every
// other field is right.
type Config struct {
	// Key signs the tenant context. The database must know it, see
	// schema.AddKey. Required.
	Key ContextKey

	// Registry answers who is registered with a tenant: accounts.Registry{},
	// or a team's own. Required.
	Registry Registry

	// MaxConns bounds the pool. Defaults to pgxpool's default: the greater of
	// 4 and the number of CPUs, or pool_max_conns in the URL.
	MaxConns int32

	// ReplicaURL is where ReadTx goes. Defaults to the primary.
	ReplicaURL string

	// Binding of the tenant context. Defaults to BindSession.
	Binding Binding

	// SearchPath lists schemas for names that the queries do not qualify.
	// Defaults to none: every name is qualified, so nothing can be planted in
	// front of it. Name only schemas in which the application cannot create.
	// Behind a pooler that does not pass it on, set it on the role as well: Open
	// compares, and so does each new connection.
	SearchPath []string

	// TenantColumns are the columns that make a table a tenant table, for the
	// checks at start-up. Defaults to tenant_id.
	TenantColumns []string

	// Version of the deployed application, for the audit log. Defaults to the
	// module version and revision of the build.
	Version string

	// AllowPlaintext permits an unencrypted connection to a host that is not
	// local. Defaults to refusing it.
	AllowPlaintext bool

	// VerboseErrors keeps the detail, hint and context of database errors,
	// which can quote values of rows. For an operator's tools, never for a
	// service. Defaults to dropping them.
	VerboseErrors bool

	// ReadOnlyRoles are roles beside viewer whose transactions are READ ONLY in
	// Postgres, so that no statement of theirs writes, whatever its text.
	// Defaults to none: viewer alone.
	ReadOnlyRoles []Role

	// UnlistedRoles may send SQL that no generated package declares: text
	// written in Go, and CopyFrom called by hand. An empty list that is not nil
	// is nobody. Defaults to every role.
	UnlistedRoles []Role

	// Refused, if not nil, is told of every actor who asked for a tenant and
	// was not admitted, and of every query refused to a role. It is called
	// before Admit or the query returns and must be quick.
	Refused func(context.Context, Refusal)

	// Observer, if not nil, is told of every operation, without SQL, arguments
	// and values. See package observe.
	Observer Observer

	// Tracer is pgx's: a QueryTracer, BatchTracer, and so on. It sees the SQL
	// and its arguments, the signed context among them: do not log those. A
	// handle's statements are shown to a BatchTracer only, and then cost more:
	// Observer is what a service wants.
	Tracer pgx.QueryTracer
}

func (cfg *Config) validate() error {
	var problems []string
	if cfg.Key.IsZero() {
		problems = append(problems, "Key is empty (make one with NewContextKey and give it to the database with schema.AddKey)")
	}
	if cfg.Registry == nil {
		problems = append(problems, "Registry is nil (use accounts.Registry{})")
	}
	if cfg.Binding > BindNone {
		problems = append(problems, "Binding is none of BindSession, BindTransaction, BindNone")
	}
	if cfg.MaxConns < 0 {
		problems = append(problems, "MaxConns is negative")
	}
	for _, r := range slices.Concat(cfg.ReadOnlyRoles, cfg.UnlistedRoles) {
		if !roleForm.MatchString(string(r)) {
			problems = append(problems, fmt.Sprintf("ReadOnlyRoles or UnlistedRoles names %q, which is no role (a-z, 0-9, - and _)", r))
		}
	}
	for _, c := range cfg.TenantColumns {
		if c == "" {
			problems = append(problems, "TenantColumns names an empty column")
		}
	}
	if len(problems) > 0 {
		return errors.New("tenancy.Config: " + strings.Join(problems, "; "))
	}
	if len(cfg.TenantColumns) == 0 {
		cfg.TenantColumns = []string{"tenant_id"}
	}
	if cfg.Version == "" {
		cfg.Version = buildVersion()
	}
	return nil
}

// poolConfig reads the URL and refuses what would undo the library's promises.
func (cfg *Config) poolConfig(url string, w way) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read (write postgres://user@host:5432/database)")
	}
	cc := pc.ConnConfig
	if cc.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return nil, errors.New("default_query_exec_mode=simple_protocol is refused: it sends several statements in one text (leave it out, or use exec behind a pooler)")
	}
	if !cfg.AllowPlaintext {
		if host, plain := plaintextHost(cc); plain {
			return nil, fmt.Errorf("%w: host %q", ErrPlaintext, host)
		}
	}
	roams := cfg.Binding == BindNone || cfg.Binding == BindTransaction && w.pooled
	if roams && cc.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		// The next transaction may meet a backend that never saw the prepared
		// statement. A description is good for all of them.
		cc.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	// As a start-up parameter it holds whatever the role's own default is. What
	// came of it is looked at on each connection.
	delete(cc.RuntimeParams, "search_path")
	if !w.plain {
		cc.RuntimeParams["search_path"] = searchPath(cfg.SearchPath)
	}
	if cfg.MaxConns > 0 {
		pc.MaxConns = cfg.MaxConns
	}
	if cfg.Tracer != nil {
		cc.Tracer = cfg.Tracer
	}
	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = 10 * time.Second
	}
	return pc, nil
}

// plaintextHost finds a host that is not local and may be reached without TLS:
// also as the fallback of sslmode=prefer, which a man in the middle can force.
func plaintextHost(cc *pgx.ConnConfig) (string, bool) {
	if cc.TLSConfig == nil && !isLocal(cc.Host) {
		return cc.Host, true
	}
	for _, f := range cc.Fallbacks {
		if f.TLSConfig == nil && !isLocal(f.Host) {
			return f.Host, true
		}
	}
	return "", false
}

func isLocal(host string) bool {
	if host == "" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// buildVersion is the module version and revision that the Go toolchain put
// into the binary.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += "+" + s.Value[:min(12, len(s.Value))]
		}
	}
	return version
}
