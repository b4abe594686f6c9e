package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

func helpCommand() *command {
	return &command{
		name:    "help",
		summary: "list the commands, or explain one",
		usage:   "[COMMAND]",
		help:    "Without an argument, help lists the commands. With the name of one, it shows\nits flags and examples, as watertight COMMAND --help does.",
		example: "  watertight help generate",
		run:     runHelp,
	}
}

func runHelp(ctx context.Context, c *call) error {
	args, err := c.parse(c.flagSet(), 0, 1)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		printCommands(c.stdout)
		return nil
	}
	cmd := lookup(args[0])
	if cmd == nil {
		return unknownCommand(args[0])
	}
	// A command defines its flags when it runs, so it is asked itself.
	return cmd.run(ctx, &call{env: c.env, cmd: cmd, args: []string{"--help"}})
}

// printHelp prints all there is to know about a command. The flags are read
// from fs, so a flag cannot be missing.
func printHelp(w io.Writer, cmd *command, fs *flag.FlagSet) {
	fmt.Fprintf(w, "watertight %s: %s\n\nusage: watertight %s\n\n%s\n",
		cmd.name, cmd.summary, strings.TrimSpace(cmd.name+" "+cmd.usage), cmd.help)
	var flags strings.Builder
	fs.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		name := strings.TrimSpace(dashes(f.Name) + f.Name + " " + value)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(&flags, "  %-22s %s", name, wrapped(usage, 76, 25))
		flags.WriteByte('\n')
	})
	if flags.Len() > 0 {
		fmt.Fprintf(w, "\nflags:\n%s", &flags)
	}
	fmt.Fprintf(w, "\nexamples:\n%s\n", cmd.example)
}

// wrapped breaks a text into lines of a width, the second and later ones
// indented.
func wrapped(text string, width, indent int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// dashes returns what to write before a flag. Both forms work for each.
func dashes(name string) string {
	if len(name) == 1 {
		return "-"
	}
	return "--"
}

func unknownCommand(name string) error {
	msg := fmt.Sprintf("there is no command %q", name)
	if near := nearest(name); near != "" {
		return usageError{fmt.Sprintf("%s (did you mean watertight %s?)", msg, near)}
	}
	return usageError{msg + " (watertight help lists the commands)"}
}

// nearest returns the command that name is most likely a slip for: one that
// begins like it, or that differs in a third of its letters at most.
func nearest(name string) string {
	best, least := "", len(name)/3+2
	for _, c := range commands() {
		d := distance(name, c.name)
		if len(name) >= 3 && strings.HasPrefix(c.name, name) {
			d = 0
		}
		if d < least {
			best, least = c.name, d
		}
	}
	return best
}

// distance is the Levenshtein distance between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
