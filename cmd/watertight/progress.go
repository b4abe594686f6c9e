package main

import "fmt"

// progress returns what tells a person at a terminal how far a long run is, nil
// where nobody watches.
func (c *call) progress() func(done, total int, what string) {
	if !isTerminal(c.stderr) {
		return nil
	}
	return func(done, total int, what string) {
		if len(what) > 60 {
			what = what[:60]
		}
		fmt.Fprintf(c.stderr, "\r\x1b[K%d/%d %s", done, total, what)
	}
}

// progressDone clears the line.
func (c *call) progressDone() {
	if c.progress() != nil {
		fmt.Fprint(c.stderr, "\r\x1b[K")
	}
}
