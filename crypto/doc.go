// Package crypto keeps what one customer has entrusted to a service unreadable
// to everybody else, also to whoever holds a copy of the database: passwords
// are hashed with bcrypt, and what must be read again, such as the tokens of a
// connected calendar, is sealed with AES-256-GCM under a key of its tenant.
//
// # Sealing
//
//	kek, err := crypto.OpenKeyFile("/run/secrets/watertight.kek")
//	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
//
//	ref := crypto.Ref{Table: "calendar_connection", Column: "access_token", Row: crypto.RowUUID(id)}
//	sealed, err := ring.Seal(ctx, tenant, ref, crypto.NewSecret(token))
//	secret, err := ring.Open(ctx, tenant, ref, sealed)
//	use(secret.Reveal())
//
// Every sealed value has a random salt of 32 bytes, from which and from the
// tenant's data key a key for this one value is derived. It is bound to tenant,
// table, column and row: copied anywhere else it does not open. Whatever is
// wrong with it, the answer is [ErrOpen]. The bytes are specified in
// crypto/internal/envelope, and testdata/sealed_v1.json has values with their
// keys for whoever writes an opener in another language.
//
// # Keys
//
// Each tenant has one random data key, made when its first value is sealed and
// kept wrapped (encrypted) by a key-encryption key, the [KEK], that is not in
// the database: a [FileKEK], or a key management service (package
// crypto/kms). Package crypto/keystore keeps the wrapped keys in Postgres. A
// [Ring] unwraps a key when it is needed and remembers it for [RingConfig].TTL.
//
//	active        seals and opens         one per tenant
//	decrypt_only  opens                   after a rotation, until all is re-sealed
//	destroyed     neither, for good       its wrapped bytes are gone
//
// Rotating the KEK wraps the data keys anew and touches no sealed value.
// Rotating a data key makes a new one and re-seals the values in the background.
// Destroying a tenant's keys makes all its sealed values unreadable at once,
// after at most TTL in running processes, and in a backup of the values; but
// the wrapped key is in a backup of the keys as well, until that backup is
// deleted. See docs/design/012-tenant-keys.md.
//
// # Passwords
//
//	hasher, err := crypto.NewHasher(crypto.HasherConfig{})
//	passwords, err := crypto.NewPasswords(ring, hasher)
//
//	err = policy.Check(ctx, password, crypto.PolicyContext{Words: []string{"Acme", email}})
//	stored, err := passwords.Hash(ctx, tenant, userID, password)
//	v, err := passwords.Verify(ctx, tenant, userID, stored, password) // errors.Is(err, crypto.ErrMismatch)
//	if v.Rehash { … hash again and replace stored }
//
// For an unknown user call Verify with no stored hash: answer and time are
// those of a wrong password. Show the same words and the same status for both,
// also in the form that resets a password. When Verify says [ErrBusy], answer
// 503. Count failures per account and per address before Verify, and allow at
// most 100 in a row: this package does not count. Hold no database transaction
// and no connection while a password is hashed, it takes a quarter of a second.
//
// # What it does not do
//
// It does not hide how long a sealed value is. It does not protect a running
// process against somebody who reads its memory: keys are overwritten when they
// are forgotten, and no more is promised. It does not measure how strong a
// password is, beyond [Policy]. Passwords longer than 72 bytes are refused, so
// 64 characters are possible in ASCII only, and the standard's wish to allow
// 64 of any script is not met; bcrypt was asked for.
//
// Sealing runs in a build that enforces FIPS 140 (GODEBUG=fips140=only). bcrypt
// runs there too but is not an approved function, so a service that must have
// only those cannot use Passwords.
//
// Values sealed by any release open in every later one. Labels given in [Ref],
// and the ones of this package ("user", "password_hash"), are part of that.
package crypto
