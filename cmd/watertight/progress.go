package main

import (
	"fmt"
	"os"
)

// progress returns what tells a person at a terminal how far a long run is, nil
// where nobody watches.
func (c *call) progress() func(done, total int, what string) {
	f, ok := c.stderr.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return func(done, total int, what string) {
		if len(what) > 60 {
			what = what[:60]
		}
		fmt.Fprintf(f, "\r\x1b[K%d/%d %s", done, total, what)
	}
}

// progressDone clears the line.
func (c *call) progressDone() {
	if c.progress() != nil {
		fmt.Fprint(c.stderr, "\r\x1b[K")
	}
}
