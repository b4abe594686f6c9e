package enforcement

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// C6: customers get reports of attempted or successful breaches on request.
func TestC06ACustomerGetsAReportOfAttempts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	alerts := 0
	refusals := &audit.Refusals{Alert: func(context.Context, tenancy.Refusal) { alerts++ }}
	db, err := tenancy.Open(ctx, o.AppURL, tenancy.Config{Key: o.Key, Registry: accounts.Registry{}, Refused: refusals.Record})
	require.NoError(t, err)
	defer db.Close()
	refusals.Use(db)

	// Bob of Beta tries to get into Alpha.
	_, err = db.Admit(ctx, o.bob, o.alpha)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.Equal(t, 1, alerts, "and somebody is told at once")

	key, _, err := audit.NewSigningKey("log.example")
	require.NoError(t, err)
	_, sealerURL := o.Login(t, "in role watertight_sealer")
	sealer, err := audit.OpenSealer(ctx, sealerURL, audit.SealerConfig{Keys: []audit.SigningKey{key}})
	require.NoError(t, err)
	defer sealer.Close()
	sealAll(t, o, sealer)

	// Alpha asks for its report, which names the attempt and proves itself
	// complete, without a database and with the public key alone.
	var report bytes.Buffer
	summary, err := audit.Disclose(ctx, o.Admin(t), o.alpha.UUID(), key.Public(), &report)
	require.NoError(t, err)
	require.Len(t, summary.Refused, 1)
	require.Equal(t, o.bob.UserID.String(), summary.Refused[0].Actor, "not his address, which is Beta's affair")
	cfg := audit.VerifyConfig{Keys: []audit.VerifyingKey{key.Public()}}
	verdict, err := audit.VerifyBundle(bytes.NewReader(report.Bytes()), int64(report.Len()), cfg)
	require.NoError(t, err)
	require.True(t, verdict.OK())

	// A report from which the attempt is left out does not verify: here, one
	// that was made after somebody had removed it.
	_, err = o.Admin(t).Exec(ctx, "alter table watertight.audit_event disable trigger all")
	require.NoError(t, err)
	_, err = o.Admin(t).Exec(ctx, "delete from watertight.audit_event where action = 'watertight.refused' and tenant_id = $1", o.alpha)
	require.NoError(t, err)
	report.Reset()
	summary, err = audit.Disclose(ctx, o.Admin(t), o.alpha.UUID(), key.Public(), &report)
	require.NoError(t, err)
	require.Empty(t, summary.Refused)
	verdict, err = audit.VerifyBundle(bytes.NewReader(report.Bytes()), int64(report.Len()), cfg)
	require.NoError(t, err)
	require.False(t, verdict.OK())
}
