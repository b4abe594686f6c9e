package audit_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// age makes the oldest events of a's log older, before they are sealed.
func (w *world) age(t testing.TB, n, days int) {
	t.Helper()
	w.attack(t, `update watertight.audit_event set at = at - make_interval(days => $3) where id in (
		select id from watertight.audit_event where tenant_id = $1 order by epoch, xid, id limit $2)`, w.a.UUID(), n, days)
}

func TestPruneKeepsLaterCheckpointsVerifiable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 10)
	w.age(t, 8, 100)
	var outside bytes.Buffer
	s := w.sealer(t, func(c *audit.SealerConfig) { c.Anchors = []audit.Anchor{audit.WriterAnchor(&outside)} })
	w.seal(t, s)
	require.NoError(t, s.Heartbeat(t.Context()))
	_, err := w.asA(t).Exec(t.Context(), renameContact, w.a, 1, "young")
	require.NoError(t, err)
	w.seal(t, s)
	require.NoError(t, s.Heartbeat(t.Context()))
	notes, err := audit.ReadAnchor(&outside)
	require.NoError(t, err)

	privacy := w.role(t, "watertight_privacy")
	keys := []audit.VerifyingKey{w.key.Public()}
	p, err := audit.Prune(t.Context(), privacy, w.a.UUID(), keys)
	require.NoError(t, err)
	require.Zero(t, p.Events, "100 days are less than 180")
	require.ErrorContains(t, audit.Retention(t.Context(), privacy, w.a.UUID(), 29), "30 to 180")
	require.ErrorContains(t, audit.Retention(t.Context(), privacy, w.a.UUID(), 181), "30 to 180")
	require.NoError(t, audit.Retention(t.Context(), privacy, w.a.UUID(), 90))

	// What the program would like is held against the tenant's retention.
	_, err = audit.PruneBefore(t.Context(), privacy, w.a.UUID(), keys, time.Now().Add(time.Hour))
	require.ErrorContains(t, err, "retention")
	p, err = audit.Prune(t.Context(), privacy, w.a.UUID(), keys)
	require.NoError(t, err)
	require.EqualValues(t, 8, p.Events)

	v := w.verify(t, w.a.UUID(), notes...)
	require.True(t, v.OK(), v.Problems)
	require.EqualValues(t, 8, v.Pruned)
	require.EqualValues(t, 14, v.Size)
	w.seal(t, s)
	v = w.verify(t, w.a.UUID(), notes...)
	require.True(t, v.OK(), v.Problems)
	require.EqualValues(t, 16, v.Size, "the change of retention and the prune are events")
	p, err = audit.Prune(t.Context(), privacy, w.a.UUID(), keys)
	require.NoError(t, err)
	require.Zero(t, p.Events)

	// Proofs of what is left lead to the same checkpoints.
	last := w.events(t, w.asA(t), audit.Filter{Action: "RenameContact"})[0]
	proof, err := audit.Prove(t.Context(), privacy, w.a.UUID(), last.ID)
	require.NoError(t, err)
	_, err = proof.Check(keys...)
	require.NoError(t, err)

	// One more is cut off by hand: by itself, and with a range that fits.
	w.attack(t, "delete from watertight.audit_event where id = (select id from watertight.audit_event where tenant_id = $1 order by xid, id limit 1)", w.a.UUID())
	require.False(t, w.verify(t, w.a.UUID()).OK())
}

// A prefix that a superuser removes with a range that fits leaves the tree
// right; that no event speaks of it gives him away.
func TestUnannouncedPruneIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 1)
	s := w.sealer(t)
	w.seal(t, s)
	// The range of four leaves is the tree itself, so no hash has to be computed.
	require.Equal(t, int64(4), scan[int64](t, w, "select size from watertight.audit_tree where tenant_id = $1", w.a.UUID()))
	w.attack(t, "update watertight.audit_tree set pruned = 4, pruned_range = range where tenant_id = $1", w.a.UUID())
	w.attack(t, "delete from watertight.audit_event where tenant_id = $1", w.a.UUID())
	v := w.verify(t, w.a.UUID())
	require.Len(t, v.Problems, 1)
	require.Equal(t, audit.BadPrune, v.Problems[0].Kind)
}

func TestNothingIsPrunedFromALogThatDoesNotVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 3)
	w.age(t, 4, 200)
	w.seal(t, w.sealer(t))
	w.attack(t, "update watertight.audit_event set action = 'x' where tenant_id = $1", w.a.UUID())
	_, err := audit.Prune(t.Context(), w.role(t, "watertight_privacy"), w.a.UUID(), []audit.VerifyingKey{w.key.Public()})
	require.ErrorContains(t, err, "does not verify")
}

func TestRedactionKeepsTheTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	// IPv6, umlauts, nulls: SQL and Go compute the same commitments.
	for i, ip := range []string{"2001:db8::1", "::ffff:192.0.2.1", "::1.2.3.4", "198.51.100.7"} {
		scope := w.admit(t, tenancy.Actor{UserID: w.anna.UserID, Email: "zoë@alpha.example", IP: parseIP(ip)}, w.a)
		_, err := w.db.For(scope).Exec(ctx, addContact, w.a, i, "Łódź \"quoted\"\n")
		require.NoError(t, err)
		require.NoError(t, audit.Log(ctx, w.db.For(scope), "contact.read", "contact", "1", nil))
	}
	s := w.sealer(t)
	w.seal(t, s)
	before := w.verify(t, w.a.UUID())
	require.True(t, before.OK(), before.Problems)

	privacy := w.role(t, "watertight_privacy")
	_, err := audit.Redact(ctx, privacy, w.a.UUID(), audit.Selection{}, true, true)
	require.Error(t, err)
	n, err := audit.Redact(ctx, privacy, w.a.UUID(), audit.Selection{Actor: w.anna.UserID.String()}, true, false)
	require.NoError(t, err)
	require.Equal(t, 8, n)
	n, err = audit.Redact(ctx, privacy, w.a.UUID(), audit.Selection{Entity: "app.contacts", EntityID: "2"}, false, true)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = audit.Redact(ctx, privacy, w.a.UUID(), audit.Selection{Entity: "app.contacts", EntityID: "2"}, false, true)
	require.NoError(t, err)
	require.Equal(t, 1, n, "again, to no effect")

	after := w.verify(t, w.a.UUID())
	require.True(t, after.OK(), after.Problems)
	require.Equal(t, before.Root, after.Root)
	require.EqualValues(t, 8, after.Redacted)
	require.EqualValues(t, 3, after.Unsealed, "each redaction is an event")
	require.Zero(t, scan[int64](t, w, "select count(*) from watertight.audit_event where actor_email = 'zoë@alpha.example'"))

	// What is not sealed yet has no commitment, and is left alone.
	_, err = w.asA(t).Exec(ctx, renameContact, w.a, 1, "x")
	require.NoError(t, err)
	n, err = audit.Redact(ctx, privacy, w.a.UUID(), audit.Selection{Actor: "anna@alpha.example"}, true, true)
	require.NoError(t, err)
	require.Zero(t, n)
	w.seal(t, s)
	v := w.verify(t, w.a.UUID())
	require.True(t, v.OK(), v.Problems)
}

func TestErasedTenantLeavesItsSizeAndRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 2)
	s := w.sealer(t)
	w.seal(t, s)
	privacy := w.role(t, "watertight_privacy")
	require.ErrorContains(t, audit.Erase(t.Context(), privacy, w.a.UUID()), "not closing")
	require.ErrorContains(t, audit.Erase(t.Context(), privacy, audit.Platform), "not closing")
	w.admin(t, "update watertight.tenants set status = 'closing' where id = $1", w.a.UUID())
	root := w.verify(t, w.a.UUID()).Root
	require.NoError(t, audit.Erase(t.Context(), privacy, w.a.UUID()))
	require.Zero(t, scan[int64](t, w, "select count(*) from watertight.audit_event where tenant_id = $1", w.a.UUID()))
	require.Equal(t, root.String(), scan[string](t, w, "select diff->>'root' from watertight.audit_event where action = 'watertight.erased' and entity_id = $1", w.a.String()))
	w.seal(t, s)
	require.True(t, w.verify(t, audit.Platform).OK())
}

// The bundle verifies with the public key alone, and no byte of what matters
// can be changed.
func TestDisclosureVerifiesOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 6)
	_, err := w.db.Admit(t.Context(), w.anna, w.b)
	require.Error(t, err)
	_, err = w.db.Admit(t.Context(), w.bob, w.a)
	require.Error(t, err)
	w.seal(t, w.sealer(t))
	_, err = audit.Redact(t.Context(), w.role(t, "watertight_privacy"), w.a.UUID(), audit.Selection{Entity: "app.contacts", EntityID: "3"}, true, true)
	require.NoError(t, err)

	var bundle bytes.Buffer
	sum, err := audit.Disclose(t.Context(), w.role(t, "watertight_sealer"), w.a.UUID(), w.key.Public(), &bundle)
	require.NoError(t, err)
	require.Len(t, sum.Refused, 1)
	require.Equal(t, w.bob.UserID.String(), sum.Refused[0].Actor)
	require.EqualValues(t, 6, sum.ByAction["AddContact"])
	rezip(t, bundle.Bytes(), func(file, content string) string {
		require.NotContains(t, content, "bob@beta.example", file)
		if file == "events.jsonl" {
			require.Contains(t, content, w.bob.UserID.String(), "positive control")
		}
		return content
	})
	check := func(b []byte, outside ...[]byte) (audit.Verdict, error) {
		return audit.VerifyBundle(bytes.NewReader(b), int64(len(b)), audit.VerifyConfig{Keys: []audit.VerifyingKey{w.key.Public()}, Outside: outside})
	}
	v, err := check(bundle.Bytes())
	require.NoError(t, err)
	require.True(t, v.OK(), v.Problems)
	require.EqualValues(t, 10, v.Size)
	require.EqualValues(t, 1, v.Redacted)
	require.EqualValues(t, 1, v.Unsealed)

	_, err = audit.VerifyBundle(bytes.NewReader(bundle.Bytes()), int64(bundle.Len()), audit.VerifyConfig{})
	require.ErrorContains(t, err, "key")
	stranger, _, err := audit.NewSigningKey("log.example")
	require.NoError(t, err)
	v, err = audit.VerifyBundle(bytes.NewReader(bundle.Bytes()), int64(bundle.Len()), audit.VerifyConfig{Keys: []audit.VerifyingKey{stranger.Public()}})
	require.NoError(t, err)
	require.False(t, v.OK(), "the key in the bundle is not the one to trust")

	for name, edit := range map[string]func(file, content string) string{
		"an event is changed": swap("events.jsonl", "contact 4", "contact 9"),
		"an event is dropped": func(f, c string) string { return cond(f == "events.jsonl", c[strings.Index(c, "\n")+1:], c) },
		"a line is cut":       func(f, c string) string { return cond(f == "events.jsonl", c[:max(0, len(c)-40)], c) },
		"two change places": func(f, c string) string {
			if f == "events.jsonl" {
				return turn(c)
			}
			return c
		},
		"a field is added":      swap("events.jsonl", `"epoch":1`, `"epoch":1,"note":"x"`),
		"the tenant is another": swap("tree.json", w.a.String(), w.b.String()),
		"the size is another":   swap("tree.json", `"size": 10`, `"size": 8`),
		"the checkpoint":        swap("checkpoints.jsonl", `\n10\n`, `\n11\n`),
		"no checkpoint":         func(f, c string) string { return cond(f == "checkpoints.jsonl", "", c) },
		"the summary":           swap("summary.json", `"AddContact": 6`, `"AddContact": 5`),
		"no attempts":           swap("summary.json", `"refused_attempts": [`, `"refused_attempts": [], "x": [`),
	} {
		v, err := check(rezip(t, bundle.Bytes(), edit))
		require.False(t, err == nil && v.OK(), name)
	}
	for i := 0; i < bundle.Len(); i += 101 {
		v, err := check(bundle.Bytes()[:i])
		require.False(t, err == nil && v.OK(), "cut at %d", i)
	}
	v, err = check(rezip(t, bundle.Bytes(), func(_, c string) string { return c }))
	require.NoError(t, err)
	require.True(t, v.OK(), "positive control: %v", v.Problems)
}

func swap(file, from, to string) func(string, string) string {
	return func(f, c string) string { return cond(f == file, strings.Replace(c, from, to, 1), c) }
}

func cond(b bool, x, y string) string {
	if b {
		return x
	}
	return y
}

func turn(c string) string {
	l := strings.SplitAfter(c, "\n")
	l[3], l[4] = l[4], l[3]
	return strings.Join(l, "")
}

func rezip(t testing.TB, b []byte, edit func(file, content string) string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range r.File {
		in, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(in)
		require.NoError(t, err)
		part, err := z.Create(f.Name)
		require.NoError(t, err)
		_, err = io.WriteString(part, edit(f.Name, string(content)))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return out.Bytes()
}

func TestInclusionProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 12)
	s := w.sealer(t)
	w.seal(t, s)
	key := w.key.Public()
	for _, e := range w.events(t, w.asA(t), audit.Filter{}) {
		proof, err := audit.Prove(t.Context(), w.asA(t), w.a.UUID(), e.ID)
		require.NoError(t, err)
		text, err := json.Marshal(proof)
		require.NoError(t, err)
		var again audit.Proof
		require.NoError(t, json.Unmarshal(text, &again))
		c, err := again.Check(key)
		require.NoError(t, err)
		require.EqualValues(t, 15, c.Size)

		again.Event.Action += "x"
		_, err = again.Check(key)
		require.Error(t, err)
		again = proof
		again.Event.Tenant = w.b.UUID()
		_, err = again.Check(key)
		require.Error(t, err)
		again = proof
		again.Index++
		_, err = again.Check(key)
		require.Error(t, err)
	}
	_, err := audit.Prove(t.Context(), w.asA(t), w.a.UUID(), 1<<40)
	require.ErrorIs(t, err, audit.ErrNotSealed)
	_, err = w.asA(t).Exec(t.Context(), renameContact, w.a, 1, "unsealed")
	require.NoError(t, err)
	fresh := w.events(t, w.asA(t), audit.Filter{Action: "RenameContact"})
	_, err = audit.Prove(t.Context(), w.asA(t), w.a.UUID(), fresh[0].ID)
	require.ErrorIs(t, err, audit.ErrNotSealed)
}

func TestExportFormats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 1)
	_, err := w.asA(t).Exec(t.Context(), renameContact, w.a, 1, "Zoë")
	require.NoError(t, err)
	export := func(f audit.Format) []map[string]any {
		var b bytes.Buffer
		n, err := audit.Export(t.Context(), w.asA(t), w.a.UUID(), &b, audit.ExportConfig{Format: f})
		require.NoError(t, err)
		var list []map[string]any
		for line := range strings.Lines(b.String()) {
			var m map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &m))
			list = append(list, m)
		}
		require.Len(t, list, int(n))
		return list
	}
	lines := export(audit.JSONL)
	last := lines[len(lines)-1]
	require.Equal(t, `{"name":["contact 0","Zoë"]}`, last["diff"])

	last = export(audit.OCSF)[len(lines)-1]
	require.EqualValues(t, 3004, last["class_uid"])
	require.EqualValues(t, 3, last["activity_id"])
	require.EqualValues(t, 300403, last["type_uid"])
	meta := last["metadata"].(map[string]any)
	require.Equal(t, w.a.String(), meta["tenant_uid"])
	require.Equal(t, "RenameContact", meta["event_code"])
	require.Equal(t, "v1.2.3", meta["product"].(map[string]any)["version"])
	require.Equal(t, "anna@alpha.example", last["actor"].(map[string]any)["user"].(map[string]any)["email_addr"])
	require.Equal(t, "203.0.113.7", last["src_endpoint"].(map[string]any)["ip"])
	require.Equal(t, map[string]any{"type": "app.contacts", "uid": "1"}, last["entity"])
	require.Equal(t, []any{"contact 0", "Zoë"}, last["unmapped"].(map[string]any)["diff"].(map[string]any)["name"])

	last = export(audit.ECS)[len(lines)-1]
	require.Equal(t, w.a.String(), last["organization"].(map[string]any)["id"])
	event := last["event"].(map[string]any)
	require.Equal(t, "RenameContact", event["action"])
	require.Equal(t, []any{"change"}, event["type"])
	require.Equal(t, "203.0.113.7", last["source"].(map[string]any)["ip"])
	require.Equal(t, "anna@alpha.example", last["user"].(map[string]any)["email"])
	require.Equal(t, "v1.2.3", last["service"].(map[string]any)["version"])

	_, err = audit.Export(t.Context(), w.asA(t), w.a.UUID(), io.Discard, audit.ExportConfig{Format: "xml"})
	require.ErrorContains(t, err, "jsonl")
}

func TestRefusedAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		_, err := w.db.Admit(t.Context(), w.anna, w.b)
		require.Error(t, err)
	}
	counts, err := audit.RefusedSince(t.Context(), w.role(t, "watertight_sealer"), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, map[uuid.UUID]int64{w.b.UUID(): 3}, counts)
}

// An empty log is an error for nobody and proves nothing.
func TestEmptyLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.verify(t, uuid.New())
	require.True(t, v.OK())
	require.Zero(t, v.Size)
	_, err := audit.Verify(t.Context(), w.Admin(t), w.a.UUID(), audit.VerifyConfig{})
	require.ErrorContains(t, err, "key")
}

func parseIP(s string) netip.Addr { return netip.MustParseAddr(s) }
