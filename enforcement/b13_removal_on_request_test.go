package enforcement

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
)

// operatorOf is who does the platform's work in these tests.
var operatorOf = tenancy.Actor{Email: "operator@example"}

// lifecycle connects as the role that works on one tenant as a whole.
func (o *office) lifecycle(t *testing.T) *lifecycle.DB {
	t.Helper()
	_, url := o.Login(t, "in role watertight_lifecycle")
	db, err := lifecycle.Open(t.Context(), url, lifecycle.Config{Key: o.Key, Version: "test"})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// count is how many rows hold a text, whatever column it is in.
func (o *office) count(t *testing.T, table, text string) int {
	t.Helper()
	var n int
	require.NoError(t, o.Admin(t).QueryRow(t.Context(), "select count(*) from "+table+" r where position($1 in r::text) > 0", text).Scan(&n))
	return n
}

// B13: account owners and end customers can have their data removed on request.
func TestB13RemovalOnRequest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	life := o.lifecycle(t)

	// An end customer: Anna's account, and what the audit log says of her.
	_, sealerURL := o.Login(t, "in role watertight_sealer")
	key, _, err := audit.NewSigningKey("log.test")
	require.NoError(t, err)
	sealer, err := audit.OpenSealer(ctx, sealerURL, audit.SealerConfig{Keys: []audit.SigningKey{key}})
	require.NoError(t, err)
	t.Cleanup(sealer.Close)
	require.Eventually(t, func() bool { // other tests' transactions hold the sealer up
		_, err := sealer.Seal(ctx)
		require.NoError(t, err)
		var all bool
		require.NoError(t, o.Admin(t).QueryRow(ctx, "select bool_and(watertight.audit_is_sealed(epoch, xid)) from watertight.audit_event").Scan(&all))
		return all
	}, time.Minute, 50*time.Millisecond)
	require.Positive(t, o.count(t, "watertight.users", "anna@alpha.example"))
	require.Positive(t, o.count(t, "watertight.audit_event", "anna@alpha.example"))
	privacy := o.connect(t, "in role watertight_privacy")
	_, err = life.ForgetPerson(ctx, operatorOf, o.alpha, lifecycle.Person{User: o.anna.UserID, Emails: []string{o.anna.Email}}, privacy)
	require.NoError(t, err)
	require.Zero(t, o.count(t, "watertight.users", "anna@alpha.example"))
	require.Zero(t, o.count(t, "watertight.audit_event", "anna@alpha.example"))
	// The log is still the one that was sealed.
	v, err := audit.Verify(ctx, privacy, o.alpha.UUID(), audit.VerifyConfig{Keys: []audit.VerifyingKey{key.Public()}})
	require.NoError(t, err)
	require.True(t, v.OK(), v.Problems)

	// An account owner: everything of Alpha, at once.
	_, err = life.ScheduleErasure(ctx, operatorOf, o.alpha, lifecycle.ErasureConfig{Reason: "the owner asked for it", Now: true})
	require.NoError(t, err)
	_, err = life.Erase(ctx, operatorOf, o.alpha)
	require.NoError(t, err)
	remains, err := lifecycle.VerifyErased(ctx, o.Admin(t), o.alpha, lifecycle.VerifyErasedConfig{Also: []string{"Alpha's secret", "alpha.example"}})
	require.NoError(t, err)
	require.Empty(t, remains.Found)

	// The control: Beta, which asked for nothing, has what it had.
	require.Equal(t, []string{"Beta's secret"}, titles(t, o.asBob(t), "select title from app.documents where tenant_id = $1", o.beta))
}
