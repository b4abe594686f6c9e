// Package enforcement has one file for each promise that the project makes
// true, named after its number: b05_fixed_where_test.go. Each file says the
// promise in a sentence, then breaks it on purpose on a real PostgreSQL and
// sees that refused, beside a control that shows the same thing working for
// the rightful tenant.
//
// It is written to be read, by an auditor for instance. The thorough tests,
// with every variant, stand beside the code that they test.
package enforcement
