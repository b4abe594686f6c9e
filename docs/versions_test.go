package docs_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The versions that the page says CI runs are those of the workflow, with the
// servers that the script fetches.
func TestVersionsAreThoseOfCI(t *testing.T) {
	t.Parallel()
	page, workflow, script := readFile(t, "versions.md"), readFile(t, "../.github/workflows/ci.yml"), readFile(t, "../.ci/install-postgres")

	listed := firsts(regexp.MustCompile(`(?m)^\| (1\d) \|`), page)
	matrix := regexp.MustCompile(`(?m)^ +postgres: \[(.*)\]$`).FindStringSubmatch(workflow)
	require.NotNil(t, matrix)
	run := slices.Concat(firsts(regexp.MustCompile(`WATERTIGHT_PG_VERSION: "(\d+)"`), workflow), firsts(regexp.MustCompile(`"(\d+)"`), matrix[1]))
	require.NotEmpty(t, run)
	require.ElementsMatch(t, run, listed)

	fetched := regexp.MustCompile(`(?m)^\t(\d+)\) echo (\d+\.\d+)\.`).FindAllStringSubmatch(script, -1)
	require.NotEmpty(t, fetched)
	for _, f := range fetched {
		require.Contains(t, page, "| "+f[1]+" | "+f[2]+", from npm (`.ci/install-postgres "+f[1]+"`) |")
	}
}

func firsts(pattern *regexp.Regexp, text string) (list []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}
