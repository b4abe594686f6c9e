package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// rule is the documentation of one rule of lint or inspect.
type rule struct {
	id       string
	severity string // error or warning
	title    string // one line
	doc      string // what it finds, why it matters, and how to fix it
}

// rules returns the documentation of every rule. A package that has rules adds
// one line to the body.
func rules() []rule {
	return slices.Concat(lintRules(), inspectRules(), attackRules(), doctorRules())
}

func explainCommand() *command {
	return &command{
		name:    "explain",
		summary: "explain a rule: what it finds, why, and how to fix it",
		usage:   "[RULE]",
		help:    "Without an argument, explain lists the rules. The id of a rule stands in every\nfinding; it is never given to another rule.",
		example: "  watertight explain\n  watertight explain WTL001",
		run:     runExplain,
		words: func() []string {
			var ids []string
			for _, r := range rules() {
				ids = append(ids, r.id)
			}
			return ids
		},
	}
}

func runExplain(_ context.Context, c *call) error {
	args, err := c.parse(c.flagSet(), 0, 1)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		printRules(c.stdout, rules())
		return nil
	}
	for _, r := range rules() {
		if strings.EqualFold(r.id, args[0]) {
			fmt.Fprintf(c.stdout, "%s (%s): %s\n\n%s\n", r.id, r.severity, r.title, strings.TrimSpace(r.doc))
			return nil
		}
	}
	return usageError{fmt.Sprintf("there is no rule %q (watertight explain lists the rules)", args[0])}
}

func printRules(w io.Writer, all []rule) {
	width := 0
	for _, r := range all {
		width = max(width, len(r.id))
	}
	for _, r := range all {
		fmt.Fprintf(w, "%-*s  %-7s  %s\n", width, r.id, r.severity, r.title)
	}
}
