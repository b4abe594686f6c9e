package oidclogin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/tenancy"
)

// Config of [New]. Issuer, ClientID and one allow rule are required: Domains,
// Directory, or AnyAccount. The zero value of every other field is right.
type Config struct {
	// Issuer is the provider's URL, exactly as its tokens name it. Required.
	Issuer string

	// ClientID is the application's id at the provider, which tokens must be
	// made for. Required.
	ClientID string

	// Domains are the Google Workspace domains, claim hd, that may sign in.
	Domains []string

	// Directory is the Entra ID directory, claim tid, that may sign in. It must
	// be the one of Issuer.
	Directory string

	// AnyAccount lets every account of the issuer sign in: for a provider of
	// the team's own, or where whoever is not registered with a tenant may sign
	// in to none. Defaults to refusing a Config without a rule.
	AnyAccount bool

	// Tenant is what sessions of this provider are bound to: the customer whose
	// provider it is. Defaults to none.
	Tenant tenancy.ID

	// User finds the account of a person: [middleware.ErrUnauthenticated] if
	// there is none. Defaults to [UserID] of issuer and subject.
	User func(context.Context, Person) (uuid.UUID, error)

	// Subject is the claim that identifies a person for good. Defaults to sub;
	// oid is the other choice, for Entra ID.
	Subject string

	// SecondFactor are values of the claims amr and acr that tell of a second
	// factor. Defaults to mfa (RFC 8176); Google sends neither claim.
	SecondFactor []string

	// Algorithms that may sign. Defaults to RS256 and ES256. HMAC and none are
	// refused.
	Algorithms []string

	// Client fetches the provider's metadata and keys. Defaults to one that
	// gives up after ten seconds.
	Client *http.Client

	now func() time.Time
}

// Person is an account at a provider, verified.
type Person struct {
	Issuer  string // as in Config
	Subject string
	Email   string // empty unless the provider verified it
	Name    string // as the provider has it; for display only
}

// asymmetric are the algorithms that a published key can verify (RFC 7518,
// section 3.1; RFC 8037).
var asymmetric = map[string]bool{
	"RS256": true, "RS384": true, "RS512": true, "ES256": true, "ES384": true, "ES512": true,
	"PS256": true, "PS384": true, "PS512": true, "EdDSA": true,
}

// entra is an Entra ID issuer, in any of Microsoft's clouds.
var (
	entra       = regexp.MustCompile(`^https://(?:login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net)/([^/]+)`)
	directoryID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// consumers is the directory of all private Microsoft accounts.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

func (cfg *Config) validate() error {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if problem := wrongIssuer(cfg.Issuer); problem != "" {
		add("Issuer %s", problem)
	}
	if cfg.ClientID == "" {
		add("ClientID is empty (the provider gives it when the application is registered)")
	}
	rules := 0
	for _, set := range []bool{len(cfg.Domains) > 0, cfg.Directory != "", cfg.AnyAccount} {
		if set {
			rules++
		}
	}
	if rules != 1 {
		add("%d of Domains, Directory and AnyAccount are set (set one: who may sign in)", rules)
	}
	for _, d := range cfg.Domains {
		if d == "" || strings.ContainsAny(d, "@* ") {
			add("Domains has %q, which is no domain (write alpha.example)", d)
		}
	}
	if m := entra.FindStringSubmatch(cfg.Issuer); m != nil && cfg.Directory != m[1] {
		add("Directory is not that of Issuer (write both with the directory's id)")
	}
	if cfg.Subject == "" {
		cfg.Subject = "sub"
	}
	if cfg.Subject != "sub" && cfg.Subject != "oid" {
		add("Subject is %q, which may be given to somebody else one day (write sub or oid)", cfg.Subject)
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = []string{"RS256", "ES256"}
	}
	for _, a := range cfg.Algorithms {
		if !asymmetric[a] {
			add("Algorithms has %q, which no published key can verify (use RS256 or ES256)", a)
		}
	}
	if len(problems) > 0 {
		return errors.New("oidclogin.Config: " + strings.Join(problems, "; "))
	}
	cfg.fill()
	return nil
}

func (cfg *Config) fill() {
	if cfg.User == nil {
		cfg.User = func(_ context.Context, p Person) (uuid.UUID, error) { return UserID(p.Issuer, p.Subject), nil }
	}
	if len(cfg.SecondFactor) == 0 {
		cfg.SecondFactor = []string{"mfa"}
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
}

func wrongIssuer(issuer string) string {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "is no issuer (write the provider's URL, https://accounts.google.com)"
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return "is not https (whoever is on the way could give out keys of his own)"
	}
	if m := entra.FindStringSubmatch(issuer); m != nil {
		switch {
		case m[1] == consumers:
			return "is the directory of all private Microsoft accounts (write a directory of the customer's)"
		case !directoryID.MatchString(m[1]):
			return "stands for every directory in the world (write the id of one directory in place of " + m[1] + ")"
		}
	}
	return ""
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
