package leaktest

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A tenantContext is how the application enters a tenant.
type tenantContext struct {
	enter   string   // statements with $1, of Config or of ours
	signer  *signer  // makes what $1 stands for, where it is a signed token
	setting string   // the setting that holds the tenant, where that is known
	claims  []string // the keys of the setting, where it is a JSON object
	extra   []extraSetting
	assumed string
}

// An extraSetting is a setting that policies read beside the tenant.
type extraSetting struct {
	name   string
	claims []string
}

// statements enter the tenant in a session.
func (c *tenantContext) statements(s *session, t *tenant) []string {
	var out []string
	switch {
	case c.signer != nil:
		return []string{"select watertight.enter(" + quoteText(c.signer.token(t.id, s.conn.PgConn().PID())) + ")"}
	case c.enter != "":
		for _, part := range splitStatements(c.enter) {
			out = append(out, dollarOne.ReplaceAllLiteralString(part, quoteText(t.id)))
		}
	case c.setting != "":
		out = append(out, setLocal(c.setting, c.value(t, c.claims)))
	}
	for _, e := range c.extra {
		value := t.user
		if strings.Contains(normal(e.name), "role") {
			value = "member"
		}
		if len(e.claims) > 0 {
			value = c.value(t, e.claims)
		}
		out = append(out, setLocal(e.name, value))
	}
	return out
}

// clear takes the tenant out of the session after rows were made in its name.
func (c *tenantContext) clear(ctx context.Context, s *session) error {
	names := []string{"watertight.context"}
	if c.signer == nil {
		names = names[:0]
		if c.setting != "" {
			names = append(names, c.setting)
		}
		for _, e := range c.extra {
			names = append(names, e.name)
		}
		for _, m := range dottedName.FindAllStringSubmatch(c.enter, -1) {
			names = append(names, m[1])
		}
	}
	for _, name := range names {
		if _, err := s.try(ctx, setLocal(name, "")); err != nil {
			return err
		}
	}
	return nil
}

// dottedName is a setting in the statement that enters a tenant.
var dottedName = regexp.MustCompile(`(?i)(?:set_config\s*\(\s*'|\bset\s+(?:local\s+)?)([a-z_]\w*\.[\w.]+)`)

// setLocal sets a setting until the transaction ends. As the administrator's
// own statement would: whether the application may is asked elsewhere.
func setLocal(name, value string) string {
	return "select pg_catalog.set_config(" + quoteText(name) + ", " + quoteText(value) + ", true)"
}

var dollarOne = regexp.MustCompile(`\$1\b`)

// value is what a setting holds for a tenant: the tenant, or the claims of a
// token with the tenant among them.
func (c *tenantContext) value(t *tenant, claims []string) string {
	if len(claims) == 0 {
		return t.id
	}
	object := map[string]any{"sub": t.user, "role": "member"}
	nested := map[string]any{}
	for _, key := range claims {
		switch n := normal(key); {
		case n == "appmetadata" || n == "usermetadata" || n == "metadata":
			object[key] = nested
		case n == "sub" || strings.Contains(n, "user"):
			object[key], nested[key] = t.user, t.user
		case n == "role":
			object[key], nested[key] = "member", "member"
		default:
			object[key], nested[key] = t.id, t.id
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic("leaktest: a map of strings is always written: " + err.Error())
	}
	return string(text)
}

func normal(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(s))
}

var (
	readsSetting = regexp.MustCompile(`(?i)current_setting\s*\(\s*\(?\s*'([^']+)'`)
	readsKey     = regexp.MustCompile(`->>?\s*\(?\s*'([^']+)'`)
	callsOther   = regexp.MustCompile(`([A-Za-z_][\w$]*|"[^"]+")\s*\.\s*([A-Za-z_][\w$]*|"[^"]+")\s*\(|([A-Za-z_][\w$]*)\s*\(`)
)

// policyTexts returns the expressions of the policies of a table, followed by
// the bodies of the functions that they call.
func (w *world) policyTexts(r *catalog.Relation) []string {
	cat := w.cat
	var texts []string
	for _, p := range r.Policies {
		texts = append(texts, p.Using, p.Check)
	}
	seen := map[catalog.OID]bool{}
	for i := 0; i < len(texts) && len(texts) < 200; i++ {
		for _, m := range callsOther.FindAllStringSubmatch(texts[i], -1) {
			schema, name := strings.Trim(m[1], `"`), strings.Trim(m[2], `"`)
			if m[3] != "" {
				name = m[3]
			}
			for _, f := range cat.Functions {
				if f.FuncName == name && (schema == "" || f.Schema == schema) && !seen[f.OID] && !f.Extension {
					seen[f.OID] = true
					texts = append(texts, f.Source, w.bodies[f.OID])
				}
			}
		}
	}
	return texts
}

// guessContext finds the settings that the policies read. The one that most of
// them read, and that is named like a tenant, holds the tenant.
func (w *world) guessContext() *tenantContext {
	cat, ten := w.cat, w.ten
	uses, keys := map[string]int{}, map[string][]string{}
	for _, r := range cat.Relations {
		here := map[string]bool{}
		for _, text := range w.policyTexts(r) {
			for _, m := range readsSetting.FindAllStringSubmatch(text, -1) {
				here[m[1]] = true
				for _, k := range readsKey.FindAllStringSubmatch(text, -1) {
					if !slices.Contains(keys[m[1]], k[1]) {
						keys[m[1]] = append(keys[m[1]], k[1])
					}
				}
			}
		}
		for name := range here {
			uses[name]++
		}
	}
	names := make([]string, 0, len(uses))
	for name := range uses {
		names = append(names, name)
	}
	rank := func(name string) int {
		score := uses[name]
		if likeTenant(name, ten.Names) || slices.ContainsFunc(keys[name], func(k string) bool { return likeTenant(k, ten.Names) }) {
			score += 100_000
		}
		return score
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := rank(b) - rank(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	c := &tenantContext{}
	for i, name := range names {
		if i == 0 {
			c.setting, c.claims = name, keys[name]
			c.assumed = "the tenant is entered by the setting " + name + ", which the policies read"
			continue
		}
		// A second spelling of the tenant's setting is not set: a table whose
		// policy reads another one than the rest is broken.
		if !likeTenant(name, ten.Names) {
			c.extra = append(c.extra, extraSetting{name: name, claims: keys[name]})
		}
	}
	return c
}

// likeTenant says whether a name is that of a tenant.
func likeTenant(name string, columns []string) bool {
	n := normal(name)
	for _, c := range columns {
		if strings.Contains(n, strings.TrimSuffix(normal(c), "id")) {
			return true
		}
	}
	for _, word := range []string{"tenant", "org", "company", "account", "workspace", "customer", "client"} {
		if strings.Contains(n, word) {
			return true
		}
	}
	return false
}

// splitStatements splits at semicolons outside quotes and comments.
func splitStatements(sql string) []string {
	var out []string
	start := 0
	for _, t := range scanSQL(sql) {
		if t.kind == tokenSymbol && t.text == ";" {
			if part := strings.TrimSpace(sql[start:t.at]); part != "" {
				out = append(out, part)
			}
			start = t.at + 1
		}
	}
	if part := strings.TrimSpace(sql[start:]); part != "" {
		out = append(out, part)
	}
	return out
}
