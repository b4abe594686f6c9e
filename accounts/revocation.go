package accounts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// A Revoker tells a provider to forget a token. Nil means that the token is
// good for nothing any more, also because it was not before. It may be called
// more than once for one token.
type Revoker interface {
	Revoke(ctx context.Context, token crypto.Secret) error
}

// Revocations tells providers of the calendar connections that ended: by
// [Calendars.Disconnect], with their user's account, or with the plan. Their
// sealed tokens wait in an outbox of the tenant, which the same statement fills
// that ends the connection, so that none is lost; a row goes when the provider
// was told.
type Revocations struct {
	DB   *tenancy.DB
	Ring *crypto.Ring

	// Providers are the ones that can be told. The tokens of others are
	// destroyed: Microsoft's, which cannot be revoked one by one and end by
	// themselves (the person removes the application in his account), and those
	// of who has none.
	Providers map[string]Revoker

	// GiveUp is how long a provider is asked before the token is destroyed all
	// the same. Defaults to 30 days.
	GiveUp time.Duration
}

// Revoked counts what a run did.
type Revoked struct {
	Told      int // the provider knows
	Destroyed int // without the provider: it cannot be told, or the token does not open
	Postponed int // the provider failed; asked again later
	GivenUp   int // the provider failed for too long
}

// How many tokens a run takes, of one tenant and in all. The rest is due still.
const (
	revocationPage = 100
	revocationRun  = 1000
)

// claimed are tokens of one tenant that this run is to deal with.
type claimed struct {
	scope  tenancy.Scope
	tokens []query.ClaimCalendarRevocationsRow
}

// Run tells what is due. Run it every few minutes, in any number of processes.
// When it is killed, what it was about is due again within the hours that its
// number of attempts gives: the provider may be told twice, and never not at
// all. Tenants that are not active wait until they are.
func (r Revocations) Run(ctx context.Context) (total Revoked, err error) {
	if r.DB == nil || r.Ring == nil {
		return total, errors.New("revocations without a database or a key ring (set DB and Ring)")
	}
	ctx = tenancy.WithAction(ctx, "calendar.revoke")
	// Claimed first and told afterwards: a provider that does not answer must not
	// hold a transaction open, for which the audit log's sealer would wait.
	var work []claimed
	left := int32(revocationRun)
	err = r.DB.EachTenant(ctx, "calendar revocations", func(ctx context.Context, s tenancy.Scope, c *tenancy.Conn) error {
		tokens, err := query.New(c).ClaimCalendarRevocations(ctx, s.Tenant(), min(left, revocationPage))
		if err != nil {
			return fmt.Errorf("read what is to be revoked: %w", err)
		}
		if len(tokens) > 0 {
			work = append(work, claimed{s, tokens})
			left -= int32(len(tokens))
		}
		return nil
	})
	for _, w := range work {
		for _, token := range w.tokens {
			if failed := r.one(ctx, w.scope, token, &total); failed != nil {
				return total, errors.Join(err, failed)
			}
		}
	}
	return total, err
}

// one deals with one token.
func (r Revocations) one(ctx context.Context, s tenancy.Scope, row query.ClaimCalendarRevocationsRow, total *Revoked) error {
	count := &total.Told
	revoker := r.Providers[row.Provider]
	token, err := r.open(ctx, s.Tenant(), row)
	switch {
	case errors.Is(err, crypto.ErrOpen), errors.Is(err, crypto.ErrKeyDestroyed), err == nil && revoker == nil:
		count = &total.Destroyed
	case err != nil:
		return fmt.Errorf("open a token to be revoked: %w", err)
	default:
		if revoker.Revoke(ctx, token) == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(row.CreatedAt) < r.giveUp() {
			total.Postponed++
			return nil
		}
		count = &total.GivenUp
	}
	if _, err := query.New(r.DB.For(s)).EndCalendarRevocation(ctx, s.Tenant(), row.ID); err != nil {
		return fmt.Errorf("destroy a revoked token: %w", err)
	}
	*count++
	return nil
}

// open opens the token that ends the most: without a refresh token there are no
// new access tokens.
func (r Revocations) open(ctx context.Context, t tenancy.ID, row query.ClaimCalendarRevocationsRow) (crypto.Secret, error) {
	column, sealed := "refresh_token", row.RefreshToken
	if sealed == nil {
		column, sealed = "access_token", row.AccessToken
	}
	return r.Ring.Open(ctx, t, calendarRef(row.ID, column), sealed)
}

func (r Revocations) giveUp() time.Duration {
	if r.GiveUp > 0 {
		return r.GiveUp
	}
	return 30 * 24 * time.Hour
}

// RFC7009 revokes tokens at an endpoint as RFC 7009 describes it, which Google
// has at https://oauth2.googleapis.com/revoke.
type RFC7009 struct {
	Endpoint string
	Client   *http.Client // defaults to one with a time limit of ten seconds
}

// Revoke posts the token. An answer that the token is invalid counts as done
// (RFC 7009, section 2.2). No error carries the token or the answer.
func (r RFC7009) Revoke(ctx context.Context, token crypto.Secret) error {
	body := url.Values{"token": {string(token.Reveal())}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Endpoint, strings.NewReader(body))
	if err != nil {
		return errors.New("the revocation endpoint is no URL (set RFC7009.Endpoint)")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := r.Client
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	resp, err := client.Do(req)
	if err != nil {
		return errors.New("the revocation endpoint did not answer")
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	switch {
	case err != nil:
		return errors.New("the revocation endpoint broke off its answer")
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusBadRequest && strings.Contains(string(answer), "invalid_token"):
		return nil
	}
	return fmt.Errorf("the revocation endpoint answered %d", resp.StatusCode)
}
