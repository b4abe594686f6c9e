package audit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

func sample() Event {
	op, diff, id, mail, entity, key := "u", `{"a": [1,2]}`, "u1", "anna@example", "app.contacts", "7"
	ip := netip.MustParsePrefix("203.0.113.7/32")
	return Event{
		Epoch: 1, XID: 777, ID: 5, At: time.UnixMicro(1_733_356_800_000_001).UTC(),
		Op: &op, Action: "RenameContact", ActorKind: "user", ActorID: &id, ActorEmail: &mail, IP: &ip, AppVersion: "v1",
		Entity: &entity, EntityID: &key, Diff: &diff, SaltActor: &uuid.UUID{}, SaltDiff: &uuid.UUID{},
	}
}

func testKey(t testing.TB, name string) SigningKey {
	t.Helper()
	k, secret, err := NewSigningKey(name)
	require.NoError(t, err)
	again, err := ParseSigningKey(secret)
	require.NoError(t, err)
	require.Equal(t, k.Public(), again.Public())
	return k
}

// Keys, signatures and notes are those of the C2SP signed note, as package
// golang.org/x/mod/sumdb/note has them.
func TestNotesAgreeWithReference(t *testing.T) {
	t.Parallel()
	k, secret, err := NewSigningKey("log.example")
	require.NoError(t, err)
	c := Checkpoint{Tenant: uuid.New(), Size: 60, Root: leafHash([]byte("x"))}
	ours := c.sign([]SigningKey{k, testKey(t, "other.example")})

	verifier, err := note.NewVerifier(k.Public().String())
	require.NoError(t, err)
	opened, err := note.Open(ours, note.VerifierList(verifier))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(opened.Text, "log.example/"+hex32(c.Tenant)+"\n60\n"))

	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	theirs, err := note.Sign(&note.Note{Text: opened.Text}, signer)
	require.NoError(t, err)
	got, err := OpenCheckpoint(theirs, k.Public())
	require.NoError(t, err)
	c.Log = "log.example"
	require.Equal(t, c, got)
}

func TestEveryChangeOfACheckpointIsRefused(t *testing.T) {
	t.Parallel()
	k := testKey(t, "log.example")
	c := Checkpoint{Tenant: uuid.New(), Size: 60, Root: leafHash([]byte("x"))}
	note := c.sign([]SigningKey{k})
	_, err := OpenCheckpoint(note, testKey(t, "log.example").Public())
	require.ErrorIs(t, err, ErrSignature, "another key of the same name")
	_, err = OpenCheckpoint(note, k.Public())
	require.NoError(t, err, "positive control")
	for i := range note {
		_, err := OpenCheckpoint(note[:i], k.Public())
		require.Error(t, err, "cut at %d", i)
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := append([]byte(nil), note...)
			changed[i] ^= flip
			_, err = OpenCheckpoint(changed, k.Public())
			require.Error(t, err, "byte %d", i)
		}
	}
	_, err = OpenCheckpoint(append(note, '\n'), k.Public())
	require.Error(t, err)

	// Signed, and still no checkpoint of ours.
	for _, text := range []string{
		"log.example\n60\n" + c.Root.String() + "\n",
		"other.example/" + hex32(c.Tenant) + "\n60\n" + c.Root.String() + "\n",
		"log.example/" + c.Tenant.String() + "\n60\n" + c.Root.String() + "\n",
		"log.example/" + hex32(c.Tenant) + "\n060\n" + c.Root.String() + "\n",
		"log.example/" + hex32(c.Tenant) + "\n-1\n" + c.Root.String() + "\n",
		"log.example/" + hex32(c.Tenant) + "\n60\n" + c.Root.String()[:40] + "\n",
		"log.example/" + hex32(c.Tenant) + "\n60\n",
	} {
		_, err := OpenCheckpoint(signNote(text, []SigningKey{k}), k.Public())
		require.Error(t, err, text)
	}
}

func TestSigningKeysDoNotPrint(t *testing.T) {
	t.Parallel()
	k, secret, err := NewSigningKey("log.example")
	require.NoError(t, err)
	data := secret[strings.LastIndex(secret, "+")+1:]
	holder := struct {
		Key SigningKey
		key SigningKey
	}{k, k}
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		fmt.Fprintf(&b, verb+verb+verb, k, holder, &holder)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "key", k, "holder", holder)
	_, err = json.Marshal(holder)
	require.Error(t, err)
	require.NotContains(t, b.String(), data)
	for _, bad := range []string{"", secret[1:], secret + "x", strings.Replace(secret, "log.", "dog.", 1)} {
		_, err := ParseSigningKey(bad)
		require.Error(t, err)
		require.NotContains(t, err.Error(), data)
	}
}

// An event that went through a file commits to the same bytes.
func FuzzEventRoundTrip(f *testing.F) {
	f.Add(int64(1), "a", "b", "192.0.2.1/32", true)
	f.Add(int64(-5), "ü\n", "", "::ffff:192.0.2.1/128", false)
	f.Add(int64(1<<60), "\x00", "{}", "::1.2.3.4/96", true)
	f.Fuzz(func(t *testing.T, n int64, s, diff, ip string, null bool) {
		e := sample()
		e.XID, e.ID, e.At = uint64(n), n, time.UnixMicro(n>>12).UTC()
		e.Action, e.Diff = strings.ToValidUTF8(s, "?"), optional(strings.ToValidUTF8(diff, "?"))
		if p, err := netip.ParsePrefix(ip); err == nil && p.Addr().Zone() == "" {
			e.IP = &p
		}
		if null {
			e.ActorID, e.EntityID = nil, nil
		}
		r := e.record()
		require.NoError(t, r.check())
		require.Equal(t, e.record(), roundTrip(t, e).record())
		back := r.event()
		require.Equal(t, r, back.record())
	})
}

func roundTrip(t *testing.T, e Event) *Event {
	t.Helper()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	var back Event
	require.NoError(t, json.Unmarshal(text, &back))
	return &back
}
