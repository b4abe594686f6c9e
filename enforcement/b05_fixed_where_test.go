package enforcement

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/lint"
)

// B5: separation is enforced by fixed WHERE clauses in database queries.
//
// The clauses are tried alone: on the connection of a superuser, whom
// row-level security does not stop.
func TestB05TheClausesAloneKeepTenantsApart(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	admin, ctx := o.Admin(t), t.Context()

	var everybody int
	require.NoError(t, admin.QueryRow(ctx, "select count(*) from watertight.users").Scan(&everybody))
	require.Equal(t, 2, everybody, "the control: without a clause this connection sees both customers")

	reads := 0
	for name, sql := range readQueries(t, "../query/accounts.sql") {
		args := []any{o.alpha}
		for i := 2; strings.Contains(sql, "$"+string(rune('0'+i))); i++ {
			args = append(args, o.bob.UserID) // Bob's, whom Alpha's query must not find
		}
		if strings.Contains(sql, "lower($2)") {
			args[1] = o.bob.Email
		}
		rows, err := admin.Query(ctx, sql, args...)
		require.NoError(t, err, name)
		for rows.Next() {
			values, err := rows.Values()
			require.NoError(t, err)
			for _, v := range values {
				require.NotEqual(t, o.bob.Email, v, name)
				require.NotEqual(t, o.beta.UUID(), v, name)
			}
		}
		require.NoError(t, rows.Err(), name)
		reads++
	}
	require.GreaterOrEqual(t, reads, 4, "queries were tried")

	// The write: removing Bob in Alpha removes nobody.
	tag, err := admin.Exec(ctx, "delete from watertight.users where tenant_id = $1 and id = $2", o.alpha, o.bob.UserID)
	require.NoError(t, err)
	require.Zero(t, tag.RowsAffected())
}

// And a query whose clause is missing cannot come into being: the proof that
// runs before code is generated refuses it, and names the clause.
func TestB05AQueryWithoutItsClauseIsRefused(t *testing.T) {
	t.Parallel()
	tables, err := lint.ReadSchema([]string{"../schema/migrations"})
	require.NoError(t, err)
	queries, err := lint.ReadQueries([]string{"../query/accounts.sql"})
	require.NoError(t, err)

	report, err := lint.Check(tables, queries, lint.Options{})
	require.NoError(t, err)
	require.Empty(t, report.Findings, "the control: the queries as they are")

	text := queries[0].SQL
	for _, clause := range []string{"where u.tenant_id = $1", "where u.tenant_id = @tenant_id", "where tenant_id = $1"} {
		require.Contains(t, text, clause)
		queries[0].SQL = strings.Replace(text, clause, "where true", 1)
		report, err := lint.Check(tables, queries, lint.Options{})
		require.NoError(t, err)
		require.NotEmpty(t, report.Findings, "without %q", clause)
		require.Contains(t, report.Findings[0].Fix, "tenant_id = ")
	}
}

var named = regexp.MustCompile(`(?s)-- name: (\w+) :(?:one|many)\n(.*?);`)

// readQueries are the queries of a file that return rows, in the form that is
// sent: named parameters as sqlc numbers them.
func readQueries(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	list := map[string]string{}
	for _, m := range named.FindAllStringSubmatch(string(text), -1) {
		list[m[1]] = strings.NewReplacer("@tenant_id", "$1", "@email", "$2").Replace(m[2])
	}
	return list
}
