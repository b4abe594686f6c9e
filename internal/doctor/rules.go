package doctor

// Severities of a finding.
const (
	Error   = "error"   // it does not work, or not safely
	Warning = "warning" // it works, and costs something
)

// A Rule is one thing that can be wrong. Its ID is never given to another one.
type Rule struct {
	ID       string
	Severity string
	Title    string
	Why      string // why it matters
}

// The rules.
var (
	goTool        = Rule{"WTD001", Error, "Go is missing or too old", "Generated code is compiled, and the tools of a project are run, by the go command of its PATH."}
	sqlcTool      = Rule{"WTD002", Warning, "sqlc is not installed yet", "generate builds it when it is first needed, which takes some minutes and the network; whether the generated code is up to date was not looked at."}
	proofConfig   = Rule{"WTD010", Error, "watertight.yaml cannot be used", "prove, dev and CI read it. What it does not name, nothing proves."}
	sqlcConfig    = Rule{"WTD011", Error, "sqlc.yaml does not seal the generated code", "With other settings a call that forgets its tenant compiles, or nothing looks at the queries."}
	generated     = Rule{"WTD012", Error, "the generated code is not what the queries say", "What runs is not what was proved."}
	refused       = Rule{"WTD013", Error, "a query is refused", "It may leave its tenant, so no code is generated from it, and what was generated before may be stale."}
	address       = Rule{"WTD020", Error, "the database URL cannot be read", "Nothing can connect with it."}
	unreachable   = Rule{"WTD021", Error, "the database cannot be reached", "The application cannot start, and nothing below was looked at."}
	plaintext     = Rule{"WTD022", Error, "the connection is not encrypted", "Whoever is on the way reads and changes every tenant's rows; tenancy.Open refuses it."}
	unverified    = Rule{"WTD023", Warning, "the server's certificate is not verified", "Encryption towards an unknown server protects from nobody who can answer in its place."}
	oldServer     = Rule{"WTD030", Error, "the server is too old", "Watertight uses what PostgreSQL 15 brought, and is tested from there on."}
	unsafeRole    = Rule{"WTD031", Error, "the role passes by row-level security", "Every policy is off for it: one forgotten clause shows every tenant's rows. tenancy.Open refuses it."}
	unsafeSchema  = Rule{"WTD032", Error, "a tenant table is not protected", "The application reaches rows of every tenant there. tenancy.Open refuses it."}
	catalogue     = Rule{"WTD033", Error, "the catalogue has a way out of a tenant", "The application's role reaches, changes or learns of another tenant's data that way."}
	behind        = Rule{"WTD034", Error, "migrations are missing", "The program expects functions and protection that the database does not have yet."}
	ahead         = Rule{"WTD035", Warning, "the database is newer than this program", "What was added since, this program does not know; nothing is known to break."}
	limited       = Rule{"WTD036", Warning, "a superuser's part of the set-up is missing", "The migration went on without it, as on a managed service."}
	noKey         = Rule{"WTD040", Error, "there is no context key", "The application signs the tenant context with it, and does not start without it."}
	unknownKey    = Rule{"WTD041", Error, "the database does not accept the context key", "Every statement of the application is refused."}
	clockOff      = Rule{"WTD042", Error, "the clocks of this machine and the server disagree", "A tenant context is good for 60 seconds by the server's clock: what is signed by another one is refused early, or lives too long."}
	pooler        = Rule{"WTD043", Warning, "a pooler stands in between", "In transaction mode a tenant context cannot be bound to the session. tenancy.Open refuses it there unless Config.Binding is BindTransaction, or BindNone, with which a context that leaks is good for 60 seconds in any session of the role."}
	nothingProved = Rule{"WTD044", Error, "the database could not be looked at", "What was not looked at may be wrong."}
)

// Rules lists them, by ID.
func Rules() []Rule {
	return []Rule{
		goTool, sqlcTool, proofConfig, sqlcConfig, generated, refused,
		address, unreachable, plaintext, unverified,
		oldServer, unsafeRole, unsafeSchema, catalogue, behind, ahead, limited,
		noKey, unknownKey, clockOff, pooler, nothingProved,
	}
}

// A Finding is one thing that is wrong.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Object   string `json:"object"`
	Message  string `json:"message"`
	Why      string `json:"why"`
	Fix      string `json:"fix"` // the command, or what to change
}

// found makes a finding of a rule.
func (r Rule) found(object, message, fix string) Finding {
	return Finding{Rule: r.ID, Severity: r.Severity, Object: object, Message: message, Why: r.Why, Fix: fix}
}

// foundIn makes a finding of an error's text, which ends with its remedy in
// parentheses as errors of this module do.
func (r Rule) foundIn(object, text, otherwise string) Finding {
	message, fix := Remedy(text)
	if fix == "" {
		fix = otherwise
	}
	return r.found(object, message, fix)
}
