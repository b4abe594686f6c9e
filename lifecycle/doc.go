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
// # Putting back
//
//	m, err := db.Import(ctx, operator, file, lifecycle.ImportConfig{Digest: out.Digest})
//	rows, err := db.RestoreRecord(ctx, operator, tenant, file, lifecycle.RecordConfig{Table: "app.contacts", Key: map[string]string{"id": "4711"}})
//
// An import is one transaction: nothing of it shows until it commits. What is in
// its way is reported before anything is written ([*ConflictError]), the bundle
// is compared with its manifest before, and what was written is read back and
// compared after. A trigger of a table that must let rows be as they were says
// when (not watertight.restoring()). With ImportConfig.Ring the tenant's data
// keys are wrapped for the target; what they seal stays as it is.
//
// # Erasing
//
//	_, err = db.ScheduleErasure(ctx, operator, tenant, lifecycle.ErasureConfig{Reason: "contract ended", LicenceEnds: end})
//	done, err := db.Due(ctx, job) // nightly
//	remains, err := lifecycle.VerifyErased(ctx, superuser, tenant, lifecycle.VerifyErasedConfig{Also: []string{"acme.example"}})
//
// A tenant that is to be erased is closed at once, also to whoever was admitted
// before, and can be opened again until it is due ([DB.CancelErasure]). Keep
// [DB.Ledger] outside the database and its backups: [DB.Replay] wants it after a
// restore. Persons are [DB.PersonData], [DB.Rectify] and [DB.ForgetPerson].
//
// # Moving
//
// [DB.Move] takes a tenant to another database and [DB.CancelMove] takes that
// back; package tenancy/placement sends a service's requests to where each
// tenant is. Erase, import, export and move can be ended at every step: run them
// again.
//
// # Files
//
// [Files] is where a tenant's files are: [Dir], package lifecycle/bucket, or a
// team's own.
//
// # Limits
//
// The digests in a manifest notice damage. Somebody who makes a bundle anew can
// make its manifest anew: compare [Exported].Digest, which the platform's log
// has, or encrypt and keep the file where nobody else writes.
package lifecycle
