package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

func searchPath(schemas []string) string {
	quoted := make([]string, len(schemas))
	for i, s := range schemas {
		quoted[i] = pgx.Identifier{s}.Sanitize()
	}
	return strings.Join(quoted, ", ")
}

// judgePath refuses a session that looks for unqualified names elsewhere than
// Config.SearchPath says. It matters where a pooler starts the sessions: they
// have what is set on the role.
func (cfg *Config) judgePath(role, setting string) error {
	named := func(s string) bool { return s != "" }
	if slices.Equal(only(splitPath(setting), named), only(cfg.SearchPath, named)) {
		return nil
	}
	quoted, wanted := pgx.Identifier{role}.Sanitize(), searchPath(cfg.SearchPath)
	if wanted == "" {
		wanted = "''"
	}
	return &UnsafeError{Kind: ErrUnsafeRole, Reasons: []string{fmt.Sprintf(
		"role %s looks for unqualified names in [%s], which is not Config.SearchPath, and what stands in between does not pass that on (alter role %s set search_path = %s)",
		quoted, setting, quoted, wanted)}}
}

func only(list []string, keep func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !keep(s) })
}

// splitPath reads the setting as Postgres does: names with commas between them,
// in lower case unless they are quoted.
func splitPath(setting string) []string {
	var path []string
	for setting != "" {
		var name string
		name, setting = cutName(strings.TrimSpace(setting))
		path = append(path, name)
		_, setting, _ = strings.Cut(setting, ",")
	}
	return path
}

// cutName returns the first name and what follows it.
func cutName(s string) (name, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s+",", ',')
		return strings.ToLower(strings.TrimSpace(s[:end])), s[end:]
	}
	var b strings.Builder
	for s = s[1:]; s != ""; s = s[1:] {
		if s[0] == '"' {
			if !strings.HasPrefix(s, `""`) {
				return b.String(), s[1:]
			}
			s = s[1:]
		}
		b.WriteByte(s[0])
	}
	return b.String(), ""
}
