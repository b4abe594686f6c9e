// Package lifecycle handles one tenant as a unit: it exports it, puts it back,
// here or elsewhere, and forgets it, without touching another tenant.
//
//	db, err := lifecycle.Open(ctx, lifecycleURL, lifecycle.Config{Key: key, Files: files})
//	out, err := db.Export(ctx, operator, tenant, file, lifecycle.ExportConfig{})
//
// It connects as watertight_lifecycle, a role whose policies let through the
// rows of the one tenant of its signed context, like those of the application,
// and to which the tenant is open also when it is closed to everybody else.
// Every piece of work on a tenant is an event in the platform's audit log.
//
// # A bundle
//
// A bundle is a tar file, optionally encrypted with age (age-encryption.org/v1):
//
//	tables/0001-watertight.tenants.jsonl   one line a row: {"column":"text",…}
//	tables/0002-app.contacts.jsonl         parents before what refers to them
//	tables/0002-app.contacts.jsonl.000002  its second part, from 1 MiB on
//	audit/0001.zip                         the log, as watertight audit verify reads it
//	files/00000001                         a file; its key is the record WATERTIGHT.key
//	manifest.json                          [Manifest], the last entry
//
// Values travel as the text that PostgreSQL itself writes for them, under fixed
// settings (ISO dates in UTC, shortest exact floats, bytea in hex), and are read
// by the type's own input function. So every type that can be stored can be
// moved, byte for byte: NaN, infinity, ranges, composite types, domains.
// Generated columns are not in it; they are made anew. Entries have no time and
// no owner, rows stand in the order of the primary key: the same tenant gives
// the same bytes.
//
// The catalogue decides what is exported: every table under watertight.protect.
// A table that has a tenant's column or refers to a tenant's table and is not
// protected fails the export. What is to be left out is named with a reason:
//
//	select watertight.not_exported('app.search_cache', 'is made anew from app.contacts');
//
// # Limits
//
// The digests in a manifest notice damage. Somebody who makes a bundle anew can
// make its manifest anew: compare [Exported].Digest, which the platform's log
// has, or encrypt and keep the file where nobody else writes.
package lifecycle
