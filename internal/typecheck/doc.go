// Package typecheck tests programs that must not compile.
//
// That a mistake does not compile is the strongest thing a library can promise,
// and the easiest to lose without noticing: no other test fails when a type
// becomes too wide. So each such mistake is a small program of its own, and a
// test that reads them all:
//
//	func TestMistakesDoNotCompile(t *testing.T) {
//		typecheck.Run(t, "testdata/reject", "testdata/accept")
//	}
//
// A file in the first folder is a Go program with the mistake in it; a comment
// on the line of the mistake has a regular expression for what the compiler
// says, one quoted string per error:
//
//	query.New(pool) // want "cannot use pool .* as \\*tenancy.Conn value"
//
// The file of the same name in the second folder is the positive control: the
// same program without the mistake, which must compile. Without it a program
// that is refused for a misspelt name would count as proof.
//
// All errors of a program must be expected, and all expected errors must occur.
// A folder without programs, a program without an expectation, a program
// without a control, and a control without a program fail the test.
//
// # Limits
//
// The programs are type-checked against the export data that the go command
// makes of the packages they import, with the compiler's own messages; they are
// neither linked nor run. The rule about internal folders is the go command's,
// not the type checker's, so it cannot be tested here. Each file is a package
// of its own. Only tests import this package.
package typecheck
