// Package faults breaks what a service stands on, and looks at what its tenants
// get: servers that are killed, networks that lose, delay and garble, pools that
// are exhausted, disks that are full, clocks that jump.
//
// Whatever breaks, four things hold: a write that was acknowledged is there
// afterwards, no row reaches another tenant, every connection returns to its
// pool or is closed, and the error that the caller gets has a name.
//
// docs/faults.md has the table of faults, with what was expected and seen; a
// test compares it with the tests of this package. There is nothing to import
// here.
package faults
