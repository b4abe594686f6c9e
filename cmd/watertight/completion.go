package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// The scripts ask the program itself for the words, so that what they offer is
// what it takes.
var (
	//go:embed completion/watertight.bash
	completionBash string
	//go:embed completion/watertight.zsh
	completionZsh string
	//go:embed completion/watertight.fish
	completionFish string
)

func completionCommand() *command {
	return &command{
		name:    "completion",
		summary: "let a shell complete commands, flags and rules",
		usage:   "bash | zsh | fish",
		help:    "completion prints a script for a shell. Where that has nothing to offer, the shell\ncompletes the names of files.",
		example: `  source <(watertight completion bash)                       # in ~/.bashrc
  watertight completion zsh > "${fpath[1]}/_watertight"      # once
  watertight completion fish > ~/.config/fish/completions/watertight.fish`,
		actions: []*command{
			completionFor("bash", completionBash, "source <(watertight completion bash)"),
			completionFor("zsh", completionZsh, `watertight completion zsh > "${fpath[1]}/_watertight"`),
			completionFor("fish", completionFish, "watertight completion fish > ~/.config/fish/completions/watertight.fish"),
			{
				name: "completion words", summary: "print what may stand in place of the last word", usage: "-- WORD...",
				help:    "words is what the scripts call, with the words behind watertight up to the cursor.\nA tab and an explanation follow each word.",
				example: "  watertight completion words -- audit se\n  watertight completion words -- inspect --format ''",
				run:     runWords,
			},
		},
	}
}

func completionFor(shell, script, install string) *command {
	return &command{
		name: "completion " + shell, summary: "print the script for " + shell,
		help:    "The script asks watertight for the words, so it stays true when the program changes.",
		example: "  " + install,
		run: func(_ context.Context, c *call) error {
			if _, err := c.parse(c.flagSet(), 0, 0); err != nil {
				return err
			}
			fmt.Fprint(c.stdout, script)
			return nil
		},
	}
}

func runWords(_ context.Context, c *call) error {
	words, err := c.parse(c.flagSet(), 0, maxArguments)
	if err != nil {
		return err
	}
	for _, w := range complete(c.env, words) {
		fmt.Fprintf(c.stdout, "%s\t%s\n", w.word, w.text)
	}
	return nil
}

// suggestion is a word that may stand where the cursor is.
type suggestion struct{ word, text string }

// complete returns what the last of the words may become. Nothing means that
// the shell may offer files.
func complete(e *env, words []string) []suggestion {
	// bash takes --flag=value apart into three words, the others do not.
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "=" })
	if len(words) == 0 {
		words = []string{""}
	}
	typed := words[len(words)-1]
	words = words[:len(words)-1]
	var found []suggestion
	add := func(word, text string) {
		if strings.HasPrefix(word, typed) {
			found = append(found, suggestion{word, text})
		}
	}
	if len(words) == 0 {
		for _, c := range commands() {
			add(c.name, c.summary)
		}
		return found
	}
	cmd := lookup(words[0])
	if cmd == nil || slices.Contains(words, "--") {
		return nil
	}
	if a := firstAction(cmd, words[1:]); a != nil {
		cmd = a
	}
	fs := cmd.flags(e)
	if name, value, ok := strings.Cut(typed, "="); ok && strings.HasPrefix(name, "-") {
		for _, v := range valuesOf(fs, name) {
			if strings.HasPrefix(v, value) {
				found = append(found, suggestion{name + "=" + v, ""})
			}
		}
		return found
	}
	if takesValue(fs, words[len(words)-1]) {
		for _, v := range valuesOf(fs, words[len(words)-1]) {
			add(v, "")
		}
		return found
	}
	if strings.HasPrefix(typed, "-") {
		fs.VisitAll(func(f *flag.Flag) {
			_, text := flag.UnquoteUsage(f)
			add(dashed(f.Name), text)
		})
		add("--help", "what it does, its flags, and examples")
		return found
	}
	for _, a := range cmd.actions {
		add(a.word(), a.summary)
	}
	if cmd.words != nil {
		for _, w := range cmd.words() {
			add(w, "")
		}
	}
	return found
}

// firstAction is the action that the words name, behind a URL at most.
func firstAction(cmd *command, words []string) *command {
	if len(words) > 0 && isURL(words[0]) {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil
	}
	return cmd.action(words[0])
}

func flagNamed(fs *flag.FlagSet, word string) *flag.Flag {
	name, ok := strings.CutPrefix(word, "-")
	if !ok {
		return nil
	}
	return fs.Lookup(strings.TrimPrefix(name, "-"))
}

// takesValue says whether the next word is the value of this one.
func takesValue(fs *flag.FlagSet, word string) bool {
	f := flagNamed(fs, word)
	if f == nil {
		return false
	}
	switched, ok := f.Value.(interface{ IsBoolFlag() bool })
	return !ok || !switched.IsBoolFlag()
}

// valuesOf are the values of a flag that has a fixed set of them.
func valuesOf(fs *flag.FlagSet, word string) []string {
	if f := flagNamed(fs, word); f != nil {
		if c, ok := f.Value.(choice); ok {
			return c.allowed
		}
	}
	return nil
}
