// Package lint proves, from the text of SQL queries alone, that each stays
// within one tenant.
//
// See the command watertight lint for how it is used.
package lint
