package session_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// A handle is good once. A second use ends the session, also for whoever came
// by a newer handle.
func TestReplayedRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	refresh := func(tokens session.Tokens) (session.Tokens, error) {
		return i.Refresh(t.Context(), tokens.Refresh, "", session.Request{})
	}
	first := w.start(t, w.carl, w.alpha)
	second, err := refresh(first)
	require.NoError(t, err)
	third, err := refresh(second)
	require.NoError(t, err, "the control: each once")
	other := w.start(t, w.carl, w.alpha)

	_, err = refresh(first) // three turns old
	require.ErrorIs(t, err, session.ErrReused)
	for _, tokens := range []session.Tokens{first, second, third} {
		_, err = refresh(tokens)
		require.ErrorIs(t, err, session.ErrEnded)
	}
	require.Equal(t, []string{"accounts.session_reused"}, w.events(t, w.alpha))
	_, err = refresh(other)
	require.NoError(t, err, "his other session goes on")
}

// Whoever is first, the thief or the user, the second use is seen, and nobody
// goes on with the session.
func TestStolenRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	refresh := func(h crypto.Secret) (session.Tokens, error) {
		return i.Refresh(t.Context(), h, "", session.Request{})
	}
	for _, who := range []string{"thief first", "user first"} {
		stolen := w.start(t, w.carl, w.alpha).Refresh
		winner, err := refresh(stolen)
		require.NoError(t, err, who)
		_, err = refresh(stolen)
		require.ErrorIs(t, err, session.ErrReused, who)
		_, err = refresh(winner.Refresh)
		require.ErrorIs(t, err, session.ErrEnded, who)
	}
}

// Of many at the same time one gets tokens, and they are of no use: the others
// were a second use.
func TestConcurrentRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	h := w.start(t, w.carl, w.alpha).Refresh
	var good, reused, ended, odd atomic.Int64
	var winner session.Tokens
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			tokens, err := i.Refresh(context.Background(), h, "", session.Request{})
			switch fmt.Sprint(err) {
			case "<nil>":
				good.Add(1)
				winner = tokens
			case session.ErrReused.Error():
				reused.Add(1)
			case session.ErrEnded.Error():
				ended.Add(1)
			default:
				odd.Add(1)
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, good.Load(), int64(1))
	require.Positive(t, reused.Load())
	require.Equal(t, int64(12), good.Load()+reused.Load()+ended.Load())
	if good.Load() == 1 {
		_, err := i.Refresh(t.Context(), winner.Refresh, "", session.Request{})
		require.ErrorIs(t, err, session.ErrEnded)
	}
	require.Equal(t, []string{"accounts.session_reused"}, w.events(t, w.alpha))
}

// What is no handle of the session is refused and ends nothing: whoever reads
// a session's id in a log must not be able to sign its user out.
func TestGuessedHandlesEndNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	tokens := w.start(t, w.carl, w.alpha)
	text := string(tokens.Refresh.Reveal())
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "wtr_"))
	require.NoError(t, err)
	require.Len(t, raw, 97)
	write := func(b []byte) string { return "wtr_" + base64.RawURLEncoding.EncodeToString(b) }
	change := func(from, to int, with []byte) string {
		b := bytes.Clone(raw)
		copy(b[from:to], with)
		return write(b)
	}
	beta := w.beta.Bytes()
	session0 := uuid.New()
	for name, bad := range map[string]string{
		"nothing":            "",
		"no prefix":          strings.TrimPrefix(text, "wtr_"),
		"an access token":    string(tokens.Access.Reveal()),
		"cut":                text[:len(text)-4],
		"longer":             text + "AAAA",
		"loose bits":         text[:len(text)-1] + "B",
		"another version":    change(0, 1, []byte{2}),
		"another tenant":     change(1, 17, beta[:]),
		"the zero tenant":    change(1, 17, make([]byte, 16)),
		"another session":    change(17, 33, session0[:]),
		"a family of zeros":  change(33, 65, make([]byte, 32)),
		"the family's hash":  change(33, 65, bytes.Repeat([]byte{7}, 32)),
		"only the id known":  write(append(append([]byte{1}, raw[1:33]...), make([]byte, 64)...)),
		"a line end":         text + "\n",
		"of the other table": "wt_AAAAAAAA_" + strings.Repeat("A", 43),
	} {
		_, err := i.Refresh(t.Context(), crypto.SecretString(bad), "", session.Request{})
		require.Equal(t, session.ErrEnded, err, name)
		require.Equal(t, session.ErrEnded, i.SignOut(t.Context(), crypto.SecretString(bad), session.Request{}), name)
	}
	require.Empty(t, w.events(t, w.alpha))
	_, err = i.Refresh(t.Context(), tokens.Refresh, "", session.Request{})
	require.NoError(t, err, "the control: the handle itself")
}

// The registry is asked at each refresh.
func TestRefreshAsksTheRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	ctx := t.Context()
	owner := query.New(w.db.For(w.admit(t, w.anna, w.alpha)))
	v := w.verifier(t)
	h := w.start(t, w.carl, w.alpha).Refresh
	refresh := func() (tenancy.Role, error) {
		tokens, err := i.Refresh(ctx, h, "", session.Request{})
		if err != nil {
			return "", err
		}
		h = tokens.Refresh
		s, err := v.Verify(ctx, string(tokens.Access.Reveal()), session.Request{Tenant: w.alpha})
		return s.Scope.Role(), err
	}
	role, err := refresh()
	require.NoError(t, err)
	require.Equal(t, tenancy.RoleMember, role)
	_, err = owner.ChangeMembership(ctx, w.alpha, w.carl.UserID, "viewer", "active")
	require.NoError(t, err)
	role, err = refresh()
	require.NoError(t, err)
	require.Equal(t, tenancy.RoleViewer, role, "also of a viewer, whose transactions are read-only")
	_, err = owner.ChangeMembership(ctx, w.alpha, w.carl.UserID, "viewer", "suspended")
	require.NoError(t, err)
	_, err = refresh()
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = owner.ChangeMembership(ctx, w.alpha, w.carl.UserID, "viewer", "active")
	require.NoError(t, err)
	_, err = refresh()
	require.NoError(t, err, "the refusal used nothing up")
	_, err = owner.RemoveMember(ctx, w.alpha, w.carl.UserID)
	require.NoError(t, err)
	_, err = refresh()
	require.Error(t, err)

	// A handle of one tenant that is shown for another.
	tokens := w.start(t, w.anna, w.alpha)
	_, err = i.Refresh(ctx, tokens.Refresh, "", session.Request{Tenant: w.beta})
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	_, err = i.Refresh(ctx, tokens.Refresh, "", session.Request{Tenant: w.alpha})
	require.NoError(t, err)
}

func TestIdleAndAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	start := w.clock
	refresh := func(at time.Duration, h *crypto.Secret) error {
		w.clock = start.Add(at)
		tokens, err := i.Refresh(t.Context(), *h, "", session.Request{})
		if err == nil {
			*h = tokens.Refresh
		}
		return err
	}
	idle := w.start(t, w.carl, w.alpha).Refresh
	require.NoError(t, refresh(59*time.Minute, &idle))
	require.Equal(t, session.ErrEnded, refresh(61*time.Minute+time.Minute, &idle), "used_at is the database's now: the last use was just before")

	w.clock = start
	old := w.start(t, w.carl, w.alpha).Refresh
	_, err := w.adminExec(t, "update watertight.sessions set expires_at = now() + interval '10 minutes' where ended_at is null")
	require.NoError(t, err)
	require.NoError(t, refresh(9*time.Minute, &old))
	require.Equal(t, session.ErrEnded, refresh(11*time.Minute, &old))
}

func (w *world) adminExec(t *testing.T, sql string, args ...any) (int64, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	tag, err := conn.Exec(t.Context(), sql, args...)
	return tag.RowsAffected(), err
}

func TestSigningOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	ctx := t.Context()
	alive := func(tokens session.Tokens) bool {
		list, err := i.List(ctx, w.admit(t, w.anna, w.alpha), w.carl.UserID)
		require.NoError(t, err)
		for _, s := range list {
			if s.ID == tokens.Session {
				return true
			}
		}
		return false
	}
	carl, anna := w.admit(t, w.carl, w.alpha), w.admit(t, w.anna, w.alpha)
	first, second, third := w.start(t, w.carl, w.alpha), w.start(t, w.carl, w.alpha), w.start(t, w.carl, w.alpha)
	annas := w.start(t, w.anna, w.alpha)
	require.True(t, alive(first) && alive(second) && alive(third))

	require.NoError(t, i.SignOut(ctx, first.Refresh, session.Request{}))
	require.Equal(t, session.ErrEnded, i.SignOut(ctx, first.Refresh, session.Request{}))
	_, err := i.Refresh(ctx, first.Refresh, "", session.Request{})
	require.Equal(t, session.ErrEnded, err)
	require.True(t, !alive(first) && alive(second) && alive(third))

	// From a list: one's own, not another's.
	require.NoError(t, i.End(ctx, carl, second.Session))
	require.Equal(t, session.ErrEnded, i.End(ctx, carl, annas.Session))
	require.ErrorIs(t, i.Revoke(ctx, carl, w.anna.UserID), tenancy.ErrForbidden)
	_, err = i.List(ctx, carl, w.anna.UserID)
	require.ErrorIs(t, err, tenancy.ErrForbidden)
	own, err := i.List(ctx, carl, w.carl.UserID)
	require.NoError(t, err)
	require.Len(t, own, 1)
	require.Equal(t, "test browser", own[0].UserAgent)

	require.NoError(t, i.EndAll(ctx, carl))
	require.False(t, alive(third))
	_, err = i.Refresh(ctx, annas.Refresh, "", session.Request{})
	require.NoError(t, err, "the control: Anna's goes on")

	// An owner ends others' sessions, in his own tenant.
	fourth, fifth := w.start(t, w.carl, w.alpha), w.start(t, w.carl, w.alpha)
	inBeta := w.start(t, w.anna, w.beta)
	require.NoError(t, i.End(ctx, anna, fourth.Session))
	require.NoError(t, i.Revoke(ctx, anna, w.carl.UserID))
	require.False(t, alive(fourth) || alive(fifth))
	require.Equal(t, session.ErrEnded, i.End(ctx, anna, inBeta.Session))
	_, err = i.Refresh(ctx, inBeta.Refresh, "", session.Request{})
	require.NoError(t, err)

	require.Equal(t, []string{
		"accounts.sign_out", "accounts.sign_out", "accounts.sign_out_everywhere", "accounts.session_revoked", "accounts.sessions_revoked",
	}, w.events(t, w.alpha))

	// Nobody brings an ended session back, not even by SQL in his transaction.
	_, err = w.adminExec(t, "update watertight.sessions set ended_at = null, ended_why = null")
	require.ErrorContains(t, err, "stays so")
}

// The handle is in no table and no log, and no text shows a secret.
func TestHandlesAreStoredHashed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.carl
	a.IP = netip.MustParseAddr("192.0.2.9")
	tokens, err := w.issuer(t).Start(t.Context(), w.admit(t, a, w.alpha), strings.Repeat("ü", 500)+"\x00\n", "pwd")
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(string(tokens.Refresh.Reveal()), "wtr_"))
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), w.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, secret := range [][]byte{raw[33:65], raw[65:97]} {
		for _, table := range []string{"watertight.sessions", "watertight.audit_event"} {
			var found, all int
			require.NoError(t, conn.QueryRow(t.Context(), "select count(*) filter (where x::text like '%' || encode($1, 'hex') || '%'), count(*) from "+table+" x", secret).Scan(&found, &all))
			require.Zero(t, found)
			require.NotZero(t, all)
		}
	}
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", tokens, tokens, tokens), string(tokens.Access.Reveal())[:20])
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", w.key, w.key, &w.key), "PrivateKey{")
	list, err := w.issuer(t).List(t.Context(), w.admit(t, w.carl, w.alpha), w.carl.UserID)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("ü", 200), list[0].UserAgent)
	require.Equal(t, a.IP, list[0].IP)
}

// Only a person who was admitted gets a session.
func TestWhoGetsASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.issuer(t)
	_, err := i.Start(t.Context(), tenancy.Scope{}, "")
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	job, err := w.db.AdmitJob(t.Context(), w.alpha, "nightly")
	require.NoError(t, err)
	_, err = i.Start(t.Context(), job, "")
	require.ErrorContains(t, err, "only a person")
	_, err = i.Start(t.Context(), w.admit(t, w.carl, w.alpha), "")
	require.NoError(t, err, "the control")
}
