// Package evidence is the report of a proof: one document, made by "watertight
// prove", that is written as a page for people, as files for machines, and as a
// signed file that an auditor can check later.
//
//	d := evidence.Document{…}
//	d.Settle()                        // verdict, controls
//	page, err := d.HTML()             // one self-contained file, no JavaScript
//	signed, err := evidence.Sign(d, key)
//	d, key, err := evidence.Open(signed)
//
// # The signed file
//
// It is JSON with four fields:
//
//	{"format": "watertight-evidence/1", "document": "…", "key": "…", "signature": "…"}
//
// document is the document as JSON, in standard base64. key is the Ed25519
// public key, signature the signature, both in base64. What is signed is the
// format, a line feed, and the bytes of the document before base64. A reader
// accepts no other format, no further field, and no field twice. The key in
// the file says who signed only if the reader knows it from elsewhere.
//
// # Limits
//
// A signature says that the holder of the key made the document, and that
// nobody changed it since. It does not say that the run was honest.
package evidence
