package watertight_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// README begin
func handle(ctx context.Context, db *tenancy.DB, who tenancy.Actor, tenant tenancy.ID) error {
	scope, err := db.Admit(ctx, who, tenant) // ErrNotAdmitted: the account is not registered there
	if err != nil {
		return err
	}
	q := query.New(db.For(scope))                  // query.New(pool) does not compile
	users, err := q.ListUsers(ctx, scope.Tenant()) // without the tenant it does not compile either
	if err != nil {
		return err
	}
	fmt.Println(len(users), "people work here")
	return nil
}

// README end

// The first screen of the README is the code above, letter by letter.
func TestReadmeShowsCodeThatCompiles(t *testing.T) {
	t.Parallel()
	_ = handle
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	_, shown, ok := strings.Cut(string(readme), "```go\n")
	require.True(t, ok)
	shown, _, _ = strings.Cut(shown, "```")
	_, region, ok := strings.Cut(string(source), "// README begin\n")
	require.True(t, ok)
	region, _, _ = strings.Cut(region, "\n// README end")
	require.Equal(t, region, shown)
}
