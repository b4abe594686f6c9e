package crypto

import "errors"

// Errors that callers branch on; match them with [errors.Is]. None carries a
// key, a plaintext, or a value of any tenant.
var (
	// ErrOpen is the one answer for a sealed value that does not open: changed,
	// cut off, moved from another tenant or place, sealed under a key that does
	// not exist or was destroyed. Which of them is not said, on purpose.
	ErrOpen = errors.New("sealed value cannot be opened (check the tenant, table, column and row it is read for, and that its key was not destroyed)")

	// ErrRef: the Ref names no table, column or row.
	ErrRef = errors.New("cannot seal for an incomplete place (name the table, the column and the row)")

	// ErrNoKey: the tenant has no such data key.
	ErrNoKey = errors.New("the tenant has no such data key")

	// ErrKeyDestroyed: the tenant's data key was destroyed; what was sealed
	// under it is gone, and a destroyed tenant gets no new key.
	ErrKeyDestroyed = errors.New("the tenant's data key was destroyed")

	// ErrKeyExists: another process gave the tenant its key first.
	ErrKeyExists = errors.New("the tenant already has a data key")

	// ErrUnknownKEK: a data key was wrapped by a key-encryption key that this
	// process was not given.
	ErrUnknownKEK = errors.New("the data key was wrapped by a key-encryption key that is not configured (add it to RingConfig.KEKs)")

	// ErrBusy: as many passwords are being hashed, and as many callers wait, as
	// is allowed. Answer 503 with Retry-After.
	ErrBusy = errors.New("too many passwords are being checked at once (answer 503 and let the client try again)")

	// ErrMismatch: the password is not the user's, or there is no such user.
	// The two cannot be told apart, by the error or by the time.
	ErrMismatch = errors.New("user or password is wrong")

	// ErrPasswordEmpty, ErrPasswordTooLong and ErrPasswordNUL: bcrypt cannot
	// tell such a password from another one, so it is never hashed.
	ErrPasswordEmpty   = errors.New("the password is empty")
	ErrPasswordTooLong = errors.New("the password is longer than 72 bytes (letters outside ASCII take 2 to 4 bytes each)")
	ErrPasswordNUL     = errors.New("the password has a NUL character")
	ErrPasswordUTF8    = errors.New("the password is not valid UTF-8")

	// ErrHashFormat: not a bcrypt hash that this package reads.
	ErrHashFormat = errors.New("not a bcrypt hash of the form $2a$, $2b$ or $2y$ with a cost of 4 to 15")
)
