package enforcement

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
)

// B16: logs are kept for 1 to 6 months, protected against change and
// destruction, reviewed, and correlated with alerts.
func TestB16TheLogIsProtected(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()

	// Neither the application nor those who deploy it can change or destroy it.
	for _, sql := range []string{
		"update watertight.audit_event set actor_email = 'bob@beta.example'",
		"delete from watertight.audit_event",
		"truncate watertight.audit_event",
		"insert into watertight.audit_event (tenant_id, action, actor_kind, app_version) values (gen_random_uuid(), 'x', 'user', 'v1')",
	} {
		_, err := o.App(t).Exec(ctx, sql)
		requireDenied(t, err)
		_, err = o.Migrator(t).Exec(ctx, sql)
		requireDenied(t, err)
	}

	// The sealer signs it, and keeps a copy of each signature elsewhere.
	key, _, err := audit.NewSigningKey("log.example")
	require.NoError(t, err)
	var elsewhere bytes.Buffer
	_, sealerURL := o.Login(t, "in role watertight_sealer")
	sealer, err := audit.OpenSealer(ctx, sealerURL, audit.SealerConfig{
		Keys: []audit.SigningKey{key}, Anchors: []audit.Anchor{audit.WriterAnchor(&elsewhere)},
	})
	require.NoError(t, err)
	defer sealer.Close()
	sealAll(t, o, sealer)
	require.NoError(t, sealer.Heartbeat(ctx))
	outside, err := audit.ReadAnchor(&elsewhere)
	require.NoError(t, err)
	verify := func() audit.Verdict {
		v, err := audit.Verify(ctx, o.Admin(t), o.alpha.UUID(), audit.VerifyConfig{Keys: []audit.VerifyingKey{key.Public()}, Outside: outside})
		require.NoError(t, err)
		return v
	}
	require.True(t, verify().OK(), "the control: nobody has touched it")

	// Retention: not under 30 days, not over 180.
	_, privacyURL := o.Login(t, "in role watertight_privacy")
	privacy, err := pgxpool.New(ctx, privacyURL)
	require.NoError(t, err)
	defer privacy.Close()
	require.Error(t, audit.Retention(ctx, privacy, o.alpha.UUID(), 29))
	require.Error(t, audit.Retention(ctx, privacy, o.alpha.UUID(), 181))
	require.NoError(t, audit.Retention(ctx, privacy, o.alpha.UUID(), 30))
	p, err := audit.Prune(ctx, privacy, o.alpha.UUID(), []audit.VerifyingKey{key.Public()})
	require.NoError(t, err)
	require.Zero(t, p.Events, "nothing is 30 days old")

	// A superuser can do anything to a database. He is found out: when he
	// changes one letter, and when he removes all of it.
	admin, err := pgx.Connect(ctx, o.AdminURL)
	require.NoError(t, err)
	defer admin.Close(ctx)
	asSuperuser := func(sql string) {
		_, err := admin.PgConn().Exec(ctx, `alter table watertight.audit_event disable trigger all;
			alter table watertight.audit_tree disable trigger all; alter table watertight.audit_checkpoint disable trigger all; `+sql).ReadAll()
		require.NoError(t, err)
	}
	asSuperuser("update watertight.audit_event set diff = replace(diff::text, 'secret', 'sacret')::json where diff is not null")
	require.Equal(t, audit.Altered, verify().Problems[0].Kind)
	asSuperuser("delete from watertight.audit_event; delete from watertight.audit_tree; delete from watertight.audit_checkpoint")
	require.Equal(t, audit.RolledBack, verify().Problems[0].Kind)
}

// sealAll seals until nothing is left.
func sealAll(t *testing.T, o *office, s *audit.Sealer) {
	t.Helper()
	for pending := int64(1); pending > 0; {
		_, err := s.Seal(t.Context())
		require.NoError(t, err)
		h, err := audit.CheckHealth(t.Context(), o.Admin(t))
		require.NoError(t, err)
		pending = h.Pending
	}
}
