package enforcement

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/lifecycle"
)

// connect returns a pool of a new role.
func (o *office) connect(t *testing.T, attributes string) *pgxpool.Pool {
	t.Helper()
	_, url := o.Login(t, attributes)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// C8: GDPR rights: access, rectification, erasure. (The erasure, with the
// redaction of the log, is B13's.)
func TestC08RightsOfAPerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	life := o.lifecycle(t)
	anna := lifecycle.Person{User: o.anna.UserID, Emails: []string{o.anna.Email}}

	// Access: what is kept of Anna, in the tables and in the log; of nobody else.
	var data bytes.Buffer
	counts, err := life.PersonData(ctx, operatorOf, o.alpha, anna, &data)
	require.NoError(t, err)
	require.Equal(t, 1, counts["watertight.users"])
	require.Equal(t, 1, counts["watertight.memberships"])
	require.Positive(t, counts["watertight.audit_event"])
	require.Contains(t, data.String(), "anna@alpha.example")
	require.NotContains(t, data.String(), "bob@beta.example")

	// Rectification: of her own row only, and on the record.
	name := "Anna Correct"
	set := map[string]*string{"display_name": &name}
	require.NoError(t, life.Rectify(ctx, operatorOf, o.alpha, anna, lifecycle.Correction{Table: "watertight.users", Key: map[string]string{"id": o.anna.UserID.String()}, Set: set}))
	require.Equal(t, 1, o.count(t, "watertight.users", name))
	require.Equal(t, 1, o.count(t, "watertight.audit_event", name))
	bob := lifecycle.Correction{Table: "watertight.users", Key: map[string]string{"id": o.bob.UserID.String()}, Set: set}
	require.ErrorIs(t, life.Rectify(ctx, operatorOf, o.alpha, anna, bob), lifecycle.ErrNotTheirs)
	require.ErrorIs(t, life.Rectify(ctx, operatorOf, o.beta, anna, bob), lifecycle.ErrNotTheirs)

	// Erasure: without a trace of her name in the tables, while the log waits
	// for its seal rather than lose what proves it.
	_, err = life.ForgetPerson(ctx, operatorOf, o.alpha, anna, o.connect(t, "in role watertight_privacy"))
	require.ErrorIs(t, err, lifecycle.ErrUnsealed)
	require.Equal(t, 1, o.count(t, "watertight.users", name), "all or nothing")
}
