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
		usage:   "[COMMAND [ACTION]]",
		help:    "Without an argument, help lists the commands. With the name of one, it shows\nits flags and examples, as watertight COMMAND --help does.",
		example: "  watertight help\n  watertight help generate\n  watertight help audit seal",
		run:     runHelp,
		words: func() []string {
			var list []string
			for _, c := range commands() {
				list = append(list, c.name)
			}
			return list
		},
	}
}

func runHelp(_ context.Context, c *call) error {
	args, err := c.parse(c.flagSet(), 0, 2)
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
	if len(args) == 2 {
		action := cmd.action(args[1])
		if action == nil {
			return (&call{env: c.env, cmd: cmd}).unknownAction(args[1])
		}
		cmd = action
	}
	printHelp(c.stdout, cmd, cmd.flags(c.env))
	return nil
}

const (
	tagline   = "Watertight keeps every customer's data apart in one shared Postgres, and proves it."
	exitCodes = "0 clean, 1 findings, 2 could not run"
)

func printCommands(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nusage: watertight COMMAND [flags] [arguments]\n\ncommands:\n%s", tagline, list(commands(), 14))
	fmt.Fprintf(w, "\nwatertight COMMAND --help shows the flags of a command and examples.\nexit codes: %s.\n", exitCodes)
}

// list is a list of commands or actions, a line each.
func list(commands []*command, width int) string {
	var b strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-*s %s\n", width, c.word(), c.summary)
	}
	return b.String()
}

// printHelp prints all there is to know about a command. The flags are read
// from fs, so a flag cannot be missing.
func printHelp(w io.Writer, cmd *command, fs *flag.FlagSet) {
	fmt.Fprintf(w, "watertight %s: %s\n\nusage: watertight %s\n\n%s\n",
		cmd.name, cmd.summary, strings.TrimSpace(cmd.name+" "+cmd.usage), cmd.help)
	if len(cmd.actions) > 0 {
		width := 0
		for _, word := range cmd.actionWords() {
			width = max(width, len(word))
		}
		fmt.Fprintf(w, "\nactions, each with a --help of its own:\n%s", list(cmd.actions, width))
	}
	if lines := flagLines(fs); len(lines) > 0 {
		fmt.Fprint(w, "\nflags:\n")
		for _, l := range lines {
			fmt.Fprintf(w, "  %-22s %s\n", l.form, wrapped(l.text, 76, 25))
		}
	}
	fmt.Fprintf(w, "\nexamples:\n%s\n", cmd.example)
}

// flagLine is what a reader is told of a flag.
type flagLine struct{ form, text string }

// flagLines are the flags of a command, by name.
func flagLines(fs *flag.FlagSet) []flagLine {
	var lines []flagLine
	fs.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			text += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		lines = append(lines, flagLine{strings.TrimSpace(dashed(f.Name) + " " + value), text})
	})
	return lines
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

// dashed is a flag as it is written. One dash and two work for each.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func unknownCommand(name string) error {
	msg := fmt.Sprintf("there is no command %q", name)
	if near := nearest(name, helpCommand().words()); near != "" {
		return usageError{fmt.Sprintf("%s (did you mean watertight %s?)", msg, near)}
	}
	return usageError{msg + " (watertight help lists the commands)"}
}
