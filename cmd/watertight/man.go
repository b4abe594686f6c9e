package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

func manCommand() *command {
	return &command{
		name:    "man",
		summary: "print the manual page, of all commands in one",
		help:    "man prints a page for man(1), made from what the commands' --help is made from.",
		example: `  watertight man | man -l -
  watertight man > /usr/local/share/man/man1/watertight.1`,
		run: func(_ context.Context, c *call) error {
			if _, err := c.parse(c.flagSet(), 0, 0); err != nil {
				return err
			}
			return writeMan(c.stdout, c.env)
		},
	}
}

// environment is what the commands read of the environment.
var environment = []struct{ name, text string }{
	{"DATABASE_URL", "the database, where no argument names one: an argument can be seen in the list of processes"},
	{envContextKey, "the key that signs tenant contexts, as the application has it"},
	{envKEK, "files or URLs of the keys that wrap the tenants' keys, as --kek names them"},
	{"NO_COLOR", "if it is set, nothing is coloured; without it, only what goes to a terminal"},
	{"WATERTIGHT_PG_VERSION", "the major version of the Postgres that prove and dev start"},
	{"WATERTIGHT_PG_CACHE", "where what is needed to start a Postgres is kept"},
}

// writeMan writes the page in roff, with the macros of man(7).
func writeMan(w io.Writer, e *env) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH WATERTIGHT 1 \"\" \"%s\" \"Watertight\"\n", roff(programVersion()))
	fmt.Fprintf(&b, ".SH NAME\nwatertight \\- keep every customer's data apart in one shared Postgres\n")
	b.WriteString(".SH SYNOPSIS\n\\fBwatertight\\fR \\fICOMMAND\\fR [flags] [arguments]\n")
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\nResults go to standard output, everything else to standard error.\n", roff(tagline))
	b.WriteString(".SH COMMANDS\n")
	for _, cmd := range withActions(commands()) {
		manCommandSection(&b, e, cmd)
	}
	b.WriteString(".SH EXIT STATUS\n")
	for status := range strings.SplitSeq(exitCodes, ", ") {
		number, meaning, _ := strings.Cut(status, " ")
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", number, roff(meaning))
	}
	b.WriteString(".SH ENVIRONMENT\n")
	for _, v := range environment {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", v.name, roff(v.text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func manCommandSection(b *strings.Builder, e *env, cmd *command) {
	fmt.Fprintf(b, ".SS %s\n%s.\n", roff(strings.TrimSpace("watertight "+cmd.name+" "+cmd.usage)), roff(cmd.summary))
	manText(b, cmd.help)
	for _, l := range flagLines(cmd.flags(e)) {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(l.form), roff(l.text))
	}
	b.WriteString(".PP\nExamples:\n")
	manText(b, cmd.example)
}

// manText writes paragraphs. Lines that are indented stay as they are.
func manText(b *strings.Builder, text string) {
	asIs := false
	b.WriteString(".PP\n")
	for line := range strings.SplitSeq(text, "\n") {
		if indented := strings.HasPrefix(line, "  "); indented != asIs && line != "" {
			b.WriteString(map[bool]string{true: ".PP\n.RS 4\n.nf\n", false: ".fi\n.RE\n.PP\n"}[indented])
			asIs = indented
		}
		switch {
		case line != "":
			b.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
		case asIs:
			b.WriteString(".sp\n")
		default:
			b.WriteString(".PP\n")
		}
	}
	if asIs {
		b.WriteString(".fi\n.RE\n")
	}
}

// roff writes a line of text so that no part of it is a request or an escape.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
