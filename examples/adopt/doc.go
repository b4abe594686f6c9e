// Package adopt is an ordinary shop with many customers in one database, made
// watertight while it is open. README.md has the steps; plan holds what
// watertight adopt wrote for it.
package adopt
