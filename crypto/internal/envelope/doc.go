// Package envelope is the byte format of a sealed value, version 1, and
// nothing else: no key store, no tenant type, the standard library only.
//
// # Format
//
//	off  len  field
//	0    1    version, 0x01
//	1    4    key id, big endian, never 0
//	5    32   salt, random, one per sealed value
//	37   12   nonce, random
//	49   n    ciphertext
//	49+n 16   tag
//
//	key = HKDF-SHA256(secret = data key of 32 bytes, salt, info = [Info], 32 bytes)
//	AAD = bytes 0 to 4 ‖ tenant (16) ‖ lp(table) ‖ lp(column) ‖ lp(row)
//	lp(x) = length of x in 4 bytes, big endian ‖ x
//
// The cipher is AES-256-GCM (NIST SP 800-38D) under a key that is used once,
// so the limits on messages per key do not bind: see Limits.
//
// # Why each part is there
//
// The salt makes the key of each value its own. One key for a million tokens
// that are renewed every hour passes the limit of 2^32 random nonces after half
// a year; here two values would have to share a 256-bit salt first.
//
// The lengths in the AAD keep the parts apart. Joined by a separator,
// table "a|b", column "c" and table "a", column "b|c" are the same bytes.
//
// The nonce is made by [crypto/cipher.NewGCMWithRandomNonce] and not derived,
// because a build that enforces FIPS 140 refuses AES-GCM with a nonce of the
// caller's making.
//
// # Compatibility
//
// A value sealed by any release opens in every later one. A new format takes a
// new version byte; 0x03 is set aside for XAES-256-GCM. A version that this
// code does not know is refused, never guessed at.
//
// # Limits
//
// The length of the plaintext shows. A value is at most [MaxPlaintext] long.
// AES-GCM does not commit to its key, so nothing here may be used to find out
// which of several keys opens a value; the key id says which.
package envelope
