package main

import (
	"bytes"
	"io"
	"os"
	"regexp"

	"golang.org/x/term"
)

// isTerminal says whether a stream of the process leads to a person. A device
// such as /dev/null does not.
func isTerminal(stream any) bool {
	if p, ok := stream.(*painter); ok {
		stream = p.to
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colours, as the sequences that terminals know.
const (
	red    = "\x1b[1;31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	cyan   = "\x1b[36m"
	plain  = "\x1b[0m"
)

var colourOf = map[string]string{"error": red, "leak": red, "warning": yellow, "hint": cyan, "clean": green}

// painter colours the word with which a line begins, behind the name of the
// program or the place in a file: "watertight: error: …", "a.sql:3:1: warning: …".
type painter struct {
	to   io.Writer
	rest []byte // of a line that is not complete
}

var severity = regexp.MustCompile(`^((?:watertight: )?(?:[^\s:]+:\d+(?::\d+)?: )?)(error|leak|warning|hint|clean):`)

// painted colours what goes to a terminal, unless its person does not want it.
// Everything else gets exactly what was written.
func painted(w io.Writer, getenv func(string) string) io.Writer {
	if !isTerminal(w) || getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return w
	}
	return &painter{to: w}
}

func (p *painter) Write(b []byte) (int, error) {
	lines := bytes.SplitAfter(append(p.rest, b...), []byte("\n"))
	last := len(lines) - 1
	p.rest = bytes.Clone(lines[last])
	var out []byte
	for _, line := range lines[:last] {
		out = append(out, paint(line)...)
	}
	_, err := p.to.Write(out)
	return len(b), err
}

func paint(line []byte) []byte {
	m := severity.FindSubmatchIndex(line)
	if m == nil {
		return line
	}
	word := string(line[m[4]:m[5]])
	return []byte(string(line[:m[4]]) + colourOf[word] + word + ":" + plain + string(line[m[5]+1:]))
}

// flush writes the line that was not ended.
func flush(w io.Writer) {
	if p, ok := w.(*painter); ok {
		_, _ = p.to.Write(paint(p.rest))
		p.rest = nil
	}
}

// file is what is below a painter, to give it to another process.
func file(w io.Writer) io.Writer {
	if p, ok := w.(*painter); ok {
		return p.to
	}
	return w
}
