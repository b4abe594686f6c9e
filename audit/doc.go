// Package audit is the log of who did what, from where, on which version, and
// what changed; and the proof that nobody edited it.
//
// # The usual path
//
// Nothing has to be called for changes: watertight.protect gives a table a row
// trigger, so every INSERT, UPDATE and DELETE leaves an event in the same
// transaction, with the actor of the signed context. What no trigger can see,
// the application says:
//
//	err := audit.Log(ctx, c, "contact.exported", "contact", id.String(), map[string]any{"format": "csv"})
//
// A tenant reads its own log, and no other:
//
//	events, next, err := audit.Events(ctx, c, audit.Filter{Actor: "anna@example.com"})
//
// Attempts on other tenants and work across tenants are events as well, each
// in a transaction of its own:
//
//	refusals := &audit.Refusals{}
//	db, err := tenancy.Open(ctx, url, tenancy.Config{…, Refused: refusals.Record})
//	refusals.Use(db)
//
//	recorder, err := audit.OpenRecorder(ctx, systemURL, crosstenant.Config{Key: key})
//	sys, err := crosstenant.Open(ctx, systemURL, crosstenant.Config{Key: key, Record: recorder})
//
// One process runs the sealer, as a member of watertight_sealer:
//
//	watertight audit keygen log.example.com --out signing.key > public.key
//	watertight audit seal URL --signing-key signing.key --anchor /mnt/worm/anchor.jsonl
//
// and anybody with the public key verifies, online or a bundle offline:
//
//	watertight audit verify URL --key public.key --checkpoints /mnt/worm/anchor.jsonl
//	watertight audit verify report.zip --key public.key
//
// # Whose word an event is
//
// Actor, e-mail address, IP address, application version, request, reason and
// action come from the context that the application signed (package tenancy);
// SQL that was injected into a statement cannot change them. A write without a
// valid context is refused (42501), except by a role that is a superuser or has
// BYPASSRLS, such as the migrator: it is recorded as actor kind "database"
// under that role's name. The action is the name of the sqlc query, or what
// tenancy.WithAction says; in a transaction of several statements that of the
// first. The column query then tells the statements apart: it is the name in
// the text of the statement itself, which its sender chose, so it is a label
// and no evidence. An injection can lie in it about its own statement, under
// its own actor, in its own tenant, and about nothing else.
//
// A change holds the columns that differ, as {"column": [old, new]}. Columns of
// type bytea and those named like a secret are masked (***); more by
//
//	select watertight.audit_columns('app.contacts', 'mask', 'iban');
//	select watertight.audit_columns('app.contacts', 'plain', 'token_count');
//	select watertight.audit_columns('app.contacts', 'omit', 'sealed');   -- changes of it alone leave no event
//
// which is an event in the platform's log. The trigger is generated from the
// table's columns and made anew when they change; watertight.audit_stale()
// lists tables where that did not happen. Keys of rows and request ids stand in
// the tree in the clear and cannot be redacted: keep personal data out of them.
//
// # The tree
//
// Each tenant has a Merkle tree of its own (RFC 6962, SHA-256), so its size
// proves its log complete. Leaves are ordered by epoch, transaction id and
// event id; the sealer appends what lies below the oldest running transaction,
// so that no late commit is left out. With lp(v) = 0x00 for NULL, else
// 0x01 ‖ be32(length) ‖ bytes:
//
//	C_actor = SHA-256(0x02 ‖ salt_actor(16) ‖ lp(actor_id) ‖ lp(actor_email) ‖ lp(ip))
//	C_diff  = SHA-256(0x03 ‖ salt_diff(16)  ‖ lp(reason) ‖ lp(diff))
//	leaf    = 0x01 ‖ tenant(16) ‖ be16(epoch) ‖ be64(xid) ‖ be64(id) ‖ be64(at, µs since 1970)
//	        ‖ lp(op) ‖ lp(action) ‖ lp(query) ‖ lp(actor_kind) ‖ lp(entity) ‖ lp(entity_id)
//	        ‖ lp(app_version) ‖ lp(request_id) ‖ lp(grant_id, 16 bytes) ‖ C_actor(32) ‖ C_diff(32)
//	hash    = SHA-256(0x00 ‖ leaf)      node = SHA-256(0x01 ‖ left ‖ right)
//
// Text is UTF-8; ip is PostgreSQL's binary form: family (2 or 3), prefix length,
// 0, length, address; diff is the text as it was stored. A redacted half keeps
// its C, and its salt and values are gone. The first byte of the leaf is the
// version: another list of fields has another one, and both verify side by side.
//
// A checkpoint is a C2SP tlog-checkpoint, a signed note with Ed25519:
//
//	log.example.com/00000000000040008000000000000000
//	60
//	pxOKSwtgkAS6kcUwKjtLnK1kkVKO9E3HN5AznQ4QhRI=
//
//	— log.example.com uHeDx76E0yZ4SLHBwEgn50fj…
//
// The origin is the name of the key and the tenant as 32 digits, all zero for
// the platform's own log. An anchor's file has one line {"at":…,"checkpoint":…}
// each. A bundle is a zip file of events.jsonl ([Event], in the order of the
// tree), checkpoints.jsonl, tree.json, public.key and summary.json.
//
// # Limits
//
// What a superuser removes before it is sealed, within a second, leaves no
// trace, and what he cuts off together with its checkpoints is noticed only by
// a checkpoint that was held outside the database: run the sealer on another
// machine with an anchor that he cannot write to. Who holds the application's
// context key writes any actor. A rolled-back transaction leaves no event; a
// refused attempt does, in a transaction of its own. The log is not encrypted
// apart from the tables it speaks of, whose values stand beside it in the same
// database and the same backups. docs/design/020-audit-log.md has the reasons.
package audit
