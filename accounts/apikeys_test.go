package accounts_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	keys, err := accounts.NewAPIKeys(w.db, nil)
	require.NoError(t, err)
	anna := w.admit(t, w.anna, w.alpha)
	resolve := func(key crypto.Secret) (tenancy.Scope, error) { return keys.Resolve(ctx, key, visitor, "") }

	key, secret, err := keys.Create(ctx, anna, "invoices", tenancy.RoleMember, time.Hour)
	require.NoError(t, err)
	scope, err := resolve(secret)
	require.NoError(t, err)
	require.Equal(t, w.alpha, scope.Tenant())
	require.Equal(t, tenancy.RoleMember, scope.Role())
	require.Equal(t, key.ID, scope.Actor().UserID)
	require.Equal(t, key.Prefix, scope.Actor().Email)
	users, err := query.New(w.db.For(scope)).ListUsers(ctx, w.alpha)
	require.NoError(t, err)
	require.Len(t, users, 3)

	// The secret is nowhere but in the hand that got it.
	text := string(secret.Reveal())
	require.True(t, strings.HasPrefix(text, key.Prefix+"_"))
	shown, err := json.Marshal(map[string]any{"key": secret, "all": fmt.Sprintf("%v %+v", secret, key)})
	require.NoError(t, err)
	require.NotContains(t, string(shown), text[12:])
	for _, table := range []string{"watertight.api_keys", "watertight.audit_event"} {
		var rows, found int
		require.NoError(t, w.admin.QueryRow(ctx, "select count(*), count(*) filter (where x::text like '%' || $1 || '%') from "+table+" x", text[12:]).Scan(&rows, &found))
		require.NotZero(t, rows)
		require.Zero(t, found, table)
	}

	list, err := keys.List(ctx, anna)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "invoices", list[0].Name)
	require.Zero(t, list[0].Revoked)

	// Everything else has one answer.
	flipped := text[:len(text)-3] + "AAA"
	otherPrefix := "wt_ABCDEFGH" + text[11:]
	for _, bad := range []string{"", "wt_", flipped, otherPrefix, text + "x", text[:len(text)-1], strings.ToUpper(text), key.Prefix, "%", text + "\x00", " " + text} {
		_, err := resolve(crypto.SecretString(bad))
		require.Equal(t, accounts.ErrAPIKey, err)
	}
	w.status(t, w.alpha, "suspended")
	_, err = resolve(secret)
	require.Equal(t, accounts.ErrAPIKey, err)
	w.status(t, w.alpha, "active")
	w.exec(t, "update watertight.api_keys set expires_at = now() - interval '1 second' where id = $1", key.ID)
	_, err = resolve(secret)
	require.Equal(t, accounts.ErrAPIKey, err)
	w.exec(t, "update watertight.api_keys set expires_at = now() + interval '1 hour' where id = $1", key.ID)
	_, err = resolve(secret)
	require.NoError(t, err, "the control")

	require.NoError(t, keys.Revoke(ctx, anna, key.ID))
	_, err = resolve(secret)
	require.Equal(t, accounts.ErrAPIKey, err)
	require.Equal(t, accounts.ErrAPIKey, keys.Revoke(ctx, anna, key.ID))
	require.Equal(t, accounts.ErrAPIKey, keys.Revoke(ctx, anna, uuid.New()))
	_, err = w.admin.Exec(ctx, "update watertight.api_keys set revoked_at = null where id = $1", key.ID)
	require.ErrorContains(t, err, "stays so", "not even the operator brings it back")

	// The key of a person who was removed ends with him.
	adam := tenancy.Actor{UserID: uuid.New(), Email: "adam@alpha.example"}
	require.NoError(t, accounts.AddUser(ctx, w.db, anna, adam.UserID, adam.Email, "Adam", tenancy.RoleAdmin))
	_, adams, err := keys.Create(ctx, w.admit(t, adam, w.alpha), "adam's", tenancy.RoleAdmin, time.Hour)
	require.NoError(t, err)
	_, err = resolve(adams)
	require.NoError(t, err)
	n, err := query.New(w.db.For(anna)).RemoveMember(ctx, w.alpha, adam.UserID)
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	_, err = resolve(adams)
	require.Equal(t, accounts.ErrAPIKey, err)

	for _, life := range []time.Duration{0, -time.Hour, accounts.MaxAPIKeyLife + time.Hour} {
		_, _, err := keys.Create(ctx, anna, "x", tenancy.RoleViewer, life)
		require.ErrorContains(t, err, "cannot be good for")
	}
}

// Nobody makes a key that can do more than he can, by the method, by the query
// behind it, or by SQL that got into a transaction of his.
func TestAPIKeysDoNotRaiseTheirMaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	keys, err := accounts.NewAPIKeys(w.db, nil)
	require.NoError(t, err)
	user := w.carl.UserID // any account of the tenant, here in all roles
	all := []tenancy.Role{"owner", "admin", "accountant", "member", "viewer"}
	for maker, may := range map[tenancy.Role]string{
		"owner":      "owner admin accountant member viewer",
		"admin":      "admin accountant member viewer",
		"accountant": "accountant",
		"member":     "member viewer",
	} {
		scope, err := unverified.Scope(w.db, tenancy.Actor{UserID: user, Email: "x@x"}, w.alpha, maker)
		require.NoError(t, err)
		for _, role := range all {
			// Past the roles of the queries: the database alone.
			hash := sha256.Sum256([]byte(string(maker) + string(role)))
			_, err := w.db.For(scope).Exec(ctx, `insert into watertight.api_keys (tenant_id, id, name, prefix, hash, role, created_by, expires_at)
				values ($1, $2, 'x', 'wt_AAAAAAAA', $3, $4, $5, now() + interval '1 hour')`, w.alpha, uuid.New(), hash[:], string(role), user)
			if strings.Contains(" "+may+" ", " "+string(role)+" ") {
				require.NoError(t, err, "%s makes %s", maker, role)
			} else {
				requireRefused(t, err, "watertight_api_key_role")
			}
			// And by the method, which only owners and admins may call.
			_, _, err = keys.Create(ctx, scope, "x", role, time.Hour)
			if (maker == "owner" || maker == "admin") && strings.Contains(may, string(role)) && !(maker == "admin" && role == "owner") {
				require.NoError(t, err, "%s makes %s", maker, role)
			} else {
				require.ErrorIs(t, err, tenancy.ErrForbidden, "%s makes %s", maker, role)
			}
		}
	}
	owner := w.admit(t, w.anna, w.alpha)
	// Not in another's name, so that it would outlive its maker.
	hash := sha256.Sum256(nil)
	err = query.New(w.db.For(owner)).AddAPIKey(ctx, w.alpha, uuid.New(), "x", "wt_AAAAAAAA", hash[:], "viewer", w.vera.UserID, time.Now().Add(time.Hour))
	requireRefused(t, err, "watertight_api_key_role")
	// A role that the library gives to itself is none for a key or a person.
	for _, role := range []tenancy.Role{"job", "refused", "sign_in", "session", "lookup"} {
		_, _, err := keys.Create(ctx, owner, "x", role, time.Hour)
		requireCode(t, err, "23514")
		requireCode(t, accounts.AddUser(ctx, w.db, owner, uuid.New(), string(role)+"@x.example", "", role), "23514")
	}
	// Nor can a key be changed into a better one.
	for _, set := range []string{"role = 'owner'", "hash = decode(repeat('00', 32), 'hex')", "expires_at = now() + interval '300 days'", "created_by = gen_random_uuid()"} {
		_, err := w.db.For(owner).Exec(ctx, "update watertight.api_keys set "+set+" where tenant_id = $1", w.alpha)
		requireCode(t, err, "42501")
	}
}

// A tenant that writes the hash of another's key into its own table does not
// get that key's holder to work in its data.
func TestAStolenHashMakesNoKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	keys, err := accounts.NewAPIKeys(w.db, nil)
	require.NoError(t, err)
	key, secret, err := keys.Create(ctx, w.admit(t, w.anna, w.alpha), "x", tenancy.RoleMember, time.Hour)
	require.NoError(t, err)
	_, err = keys.Resolve(ctx, secret, visitor, "")
	require.NoError(t, err, "the control")
	hash := sha256.Sum256(secret.Reveal())
	require.NoError(t, query.New(w.db.For(w.admit(t, w.bob, w.beta))).AddAPIKey(ctx, w.beta, uuid.New(), "mine", key.Prefix, hash[:], "member", w.bob.UserID, time.Now().Add(time.Hour)))
	_, err = keys.Resolve(ctx, secret, visitor, "")
	require.Equal(t, accounts.ErrAPIKey, err)
}

func TestAPIKeysAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys, err := accounts.NewAPIKeys(w.db, &accounts.MemoryLimiter{Rates: map[string]accounts.Rate{"api_key.ip": {Burst: 2}}})
	require.NoError(t, err)
	try := func(ip string) error {
		_, err := keys.Resolve(context.Background(), crypto.SecretString("wt_x"), netip.MustParseAddr(ip), "")
		return err
	}
	require.Equal(t, accounts.ErrAPIKey, try("2001:db8::1"))
	require.Equal(t, accounts.ErrAPIKey, try("2001:db8::2"))
	require.ErrorIs(t, try("2001:db8::3"), accounts.ErrLimited, "the third from one customer's network")
	require.Equal(t, accounts.ErrAPIKey, try("2001:db8:1::3"), "the control: from another one")
}

func requireCode(t *testing.T, err error, code string) *pgconn.PgError {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, code, pg.Code, pg.Message)
	return pg
}

func requireRefused(t *testing.T, err error, constraint string) {
	t.Helper()
	require.Equal(t, constraint, requireCode(t, err, "42501").ConstraintName)
}
