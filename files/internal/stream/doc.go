// Package stream is the byte format of a sealed file, version 1, and nothing
// else: no bucket, no tenant type, the standard library only.
//
// # Format
//
//	off  len    field
//	0    7      "tntfile"
//	7    1      version, 0x01
//	8    32     salt, random, one per sealed file
//	40          chunks
//
//	chunk  = nonce (12, random) ‖ ciphertext ‖ tag (16)
//	key    = HKDF-SHA256(secret = content key of 32 bytes, salt, info = [Info], 32 bytes)
//	AAD    = bytes 0 to 39 ‖ tenant (16) ‖ object (16) ‖ index (8, big endian) ‖ last (1)
//
// Every chunk but the last holds [ChunkSize] bytes; the last holds 1 to
// ChunkSize, or none if the file is empty. index counts from 0, last is 1 in
// the last chunk and 0 in the others. The cipher is AES-256-GCM.
//
// # Why each part is there
//
// This is the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár,
// "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
// CRYPTO 2015), as age and tink use it, with one difference: STREAM puts the
// index and the mark of the last chunk into the nonce, here they are in the
// authenticated data and the nonce is random. A build that enforces FIPS 140
// refuses AES-GCM with a nonce of the caller's making, and a chunk is bound to
// its position by either. Each file has a key of its own, so 2^32 chunks, 256
// TiB, stay within the bound of NIST SP 800-38D, 8.3, for random nonces.
//
// The index detects a chunk that was moved, doubled or left out, the mark one
// that was cut off or added after the end, tenant and object one of another
// file, even should two files have one content key.
//
// # Compatibility
//
// A file sealed by any release opens in every later one. A new format takes a
// new version byte; a version that this code does not know is refused.
//
// # Limits
//
// The length of the content shows. [Reader] takes the content's size from the
// caller, who has it from an authenticated place: what is read of a part of a
// file says by itself that the part is genuine, not that the file is whole.
package stream
