// Package keystore keeps the tenants' wrapped data keys in Postgres, in the
// table watertight.tenant_keys, rotates and destroys them, and seals values
// anew after a rotation.
//
//	kek, err := crypto.OpenKeyFile("/run/secrets/watertight.kek")
//	store, err := keystore.New(db) // a *tenancy.DB
//	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
//
// The application reads keys and makes the first one of a new tenant; it has no
// right to change or destroy one, so a statement injected into it cannot make a
// customer's data unreadable. Everything else takes a handle of
// tenancy/crosstenant, with a reason, and is a command as well:
//
//	watertight keys status          what there is, and what waits for re-sealing
//	watertight keys rotate          a new data key for a tenant, or for all
//	watertight keys reseal          seal old values anew, online
//	watertight keys retire          destroy old keys that seal nothing any more
//	watertight keys rewrap          wrap the data keys with a new KEK
//	watertight keys attack          open values where they do not belong
//	watertight keys destroy         destroy a tenant's keys, and so its secrets
//
// # Sealed columns
//
// A migration makes a bytea column one of sealed values. From then on a check
// refuses anything else in it, and re-sealing finds it:
//
//	select watertight.protect('bookings');
//	select watertight.seal_column('bookings', 'door_code', 'booking');
//
// The last argument is the table's label in [crypto.Ref], the column's is its
// name unless another is given. The row is a uuid, bigint or integer column,
// id unless another is given, and unique within the tenant.
//
// # Rotating a data key
//
// [Rotate] makes a new key active; the old one still opens. [Resealer] then
// goes through the sealed columns in small batches, each a transaction of its
// own inside the tenant, opens and seals every value that is under another key,
// and stores it only where the column still holds what was read: a writer who
// was faster has won. It never waits for a row that somebody has locked. It
// keeps no state, since the key's number is in each value, so it may be killed
// at any moment and started again. [Retire] destroys an old key when nothing is
// sealed under it and no process can still seal with it from memory.
//
// # Destroying
//
// [Destroy] takes away all keys of a tenant: its sealed values are lost, and it
// gets no new key. A running process may remember a key for RingConfig.TTL;
// those that [Watch] forget it at once. A backup of this database from before
// holds the wrapped keys and the values, so restoring it brings both back until
// it expires. See docs/design/012-tenant-keys.md for the two ways out.
//
// # Limits
//
// Fetching a key takes a connection from the pool that [New] was given. Seal
// and open outside of transactions, or give the key store a pool of its own:
// if every connection is held by a transaction that waits for a key, they wait
// until the fetch gives up. Keys of a tenant that is not active are not fetched.
package keystore
