package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A column gets another type while a session is open that has written to its
// table: the record is made by what the table is now.
func TestTypeOfAColumnChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.asA(t)
	for round, alter := range []string{
		"alter table app.contacts alter column name type varchar(200)",
		"alter table app.contacts alter column name drop default, alter column name type jsonb using to_jsonb(name)",
		"alter table app.contacts alter column name type text using name #>> '{}'",
	} {
		_, err := c.Exec(t.Context(), "insert into app.contacts (tenant_id, id, name) values ($1, $2, '\"before\"')", w.a, 500+2*round)
		require.NoError(t, err, alter)
		w.admin(t, alter)
		_, err = c.Exec(t.Context(), "insert into app.contacts (tenant_id, id, name) values ($1, $2, '\"after\"')", w.a, 501+2*round)
		require.NoError(t, err, alter)
	}
}
