package main

import (
	"os"

	"golang.org/x/term"
)

// isTerminal says whether a stream of the process leads to a person. A folder
// of devices such as /dev/null does not.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
