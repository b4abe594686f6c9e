// Package files keeps files of customers in a bucket, and keeps them apart like
// rows: what is known of a file stands in Postgres under row-level security,
// its content in a directory or a cloud's bucket, sealed with a key of its own
// under a key of its tenant.
//
// # The usual path
//
//	bucket, err := files.OpenDir("/var/lib/watertight/files") // or OpenURL, see below
//	store, err := files.New(files.Config{DB: db, Ring: ring, Bucket: bucket, LinkKeys: keys})
//
//	mine := store.For(scope)
//	f, err := mine.Create(ctx, files.Upload{Name: files.CleanName(header.Filename), Size: header.Size}, part)
//	list, next, err := mine.List(ctx, files.ListOptions{Prefix: "invoice"})
//	r, err := mine.Open(ctx, f.ID) // an io.ReadSeekCloser
//	err = mine.Rename(ctx, f.ID, "Invoice 2026.pdf")
//	err = mine.Delete(ctx, f.ID)
//
// A [Handle] is of the scope's tenant and reaches no other: ids, names, cursors
// and links of another tenant are as good as none ([ErrNotFound], [ErrLink]).
// Who may do what inside the tenant is the application's to say, except that a
// viewer only reads.
//
// A browser downloads by a link that lives for minutes and is good for one
// account of one tenant, as which the request must be admitted:
//
//	token, expires, err := mine.Link(ctx, f.ID, 0)
//	mux.Handle("GET /files/{token}", admitted.Wrap(files.LinkHandler(store, middleware.Scope)))
//
// Once a day, in each tenant ([tenancy.DB.EachTenant]), take away what
// processes left that died in the middle, and hear of content that is gone:
//
//	swept, err := store.For(jobScope).Sweep(ctx, 24*time.Hour)
//
// # Names and keys
//
// An object's key in the bucket is tenant/object, two UUIDs that the server
// chose. The name that a user gave is a label in the row, not unique, and part
// of no path; it is checked all the same ([CheckName]), so that it is harmless
// on the disk of whoever exports it and shows what it is. Use CleanName for
// what a browser sends.
//
// # Clouds
//
//	import _ "gocloud.dev/blob/s3blob" // or gcsblob, azureblob
//	bucket, err := files.OpenURL(ctx, "s3://customer-files?region=eu-central-1")
//
// The drivers are the program's choice, since each brings the client library of
// its service. The bucket should be private and used for nothing else. It needs
// no encryption of its own, and versions that it keeps of deleted objects open
// only with a row that is gone.
//
// # A file's life
//
//	uploading   room is reserved; the object is being written
//	ready       shown; its content never changes
//	deleting    out of sight; object and row are being removed
//
// A process that dies in between leaves nothing that shows. Every step is an
// event in the audit log by the trigger of the table, and each download by link
// is one (file.downloaded); reads by [Handle.Open] are the application's own to
// record.
//
// # What is sealed
//
// Each content has a random key. It stands in the row, sealed by
// [crypto.Ring] for this row together with the content's SHA-256 and size, and
// is registered with watertight.seal_column: "watertight keys reseal" takes it
// along after a rotation and touches no object, "keys retire" knows about it,
// and "keys destroy" makes every file of the tenant unreadable. The format of
// the object is specified in files/internal/stream; its testdata has vectors.
//
// # Quotas
//
// [SetQuota] limits bytes and files of a tenant. Room is reserved in Postgres
// before it is written, in the order in which uploads come to the tenant's row,
// so that any number of them side by side stay within it. An upload whose size
// is not said reserves in steps, and what it reserved in vain is free at its end.
//
// # Export, restore, erase
//
// [Handle.All] and [Handle.Open] give out a tenant's files, [Handle.Restore]
// takes one back under its id, [Handle.DeleteAll] removes all from inside the
// tenant and [Store.EraseObjects] from outside.
//
// # Limits
//
// How long a file is shows in the bucket, when it was written, and whose it is
// by UUID; its name and type do not. Somebody who can write to the bucket can
// delete or spoil files, which is noticed when they are read. The content type
// is the uploader's word, nobody looks for viruses, and nothing here is to be
// served from the application's own origin in any way but [SetHeaders]. A
// directory is not flushed to the disk before a file is ready: after a loss of
// power a sweep or a read may find content missing, so keep what matters on a
// file system or in a bucket that does. A tenant's quota holds against
// customers, not against SQL that was injected into the application inside of
// the tenant.
package files
