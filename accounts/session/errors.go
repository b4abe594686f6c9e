package session

import "errors"

// Errors that callers branch on; match them with [errors.Is]. A token of
// another tenant is [tenancy.ErrNotAdmitted].
var (
	// ErrToken: not an access token of this service. What is wrong with it is
	// not said. Answer 401.
	ErrToken = errors.New("the access token is not valid (refresh the session, or sign in)")

	// ErrExpired: an access token whose time is over. Answer 401; the client
	// refreshes.
	ErrExpired = errors.New("the access token has expired (refresh the session)")

	// ErrEnded: no such session, or one that has ended or was idle for too
	// long. The client signs in again.
	ErrEnded = errors.New("the session has ended (sign in again)")

	// ErrReused: the refresh handle had been used before, so two have it, and
	// one of them may be a thief. The session was ended for both.
	ErrReused = errors.New("the refresh handle was used before, so the session was ended (sign in again)")
)
