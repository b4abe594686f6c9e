package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/schema"
)

// flagSet returns an empty set of flags for the command. Each command adds its
// flags to it and then calls parse, which also answers --help.
func (c *call) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet(c.cmd.name, flag.ContinueOnError)
	// The package prints errors and usage in its own words; ours come from
	// exitCode and printHelp.
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return fs
}

// parse reads the arguments of the call and returns the ones that are not
// flags, at least least and at most most of them. Flags and arguments may be
// mixed, and both -x and --x are flags; after -- everything is an argument.
func (c *call) parse(fs *flag.FlagSet, least, most int) ([]string, error) {
	if c.defined != nil {
		c.defined(fs)
		return nil, errHelped
	}
	positional, err := interleaved(fs, c.args)
	if errors.Is(err, flag.ErrHelp) {
		printHelp(c.stdout, c.cmd, fs)
		return nil, errHelped
	}
	if err != nil {
		return nil, flagError(fs, err)
	}
	if n := len(positional); n < least {
		return nil, usageError{"an argument is missing"}
	} else if n > most {
		// The argument may be a database URL with a password in it.
		return nil, usageError{fmt.Sprintf("%d arguments are too many", n)}
	}
	return positional, nil
}

// flagError says what is wrong with a flag. Package flag has no type for one
// that does not exist.
func flagError(fs *flag.FlagSet, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return usageError{err.Error()}
	}
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	msg := "there is no flag " + dashed(name)
	if near := nearest(name, names); near != "" {
		msg += " (did you mean " + dashed(near) + "?)"
	}
	return usageError{msg}
}

// pathList is a flag that may be repeated, and that takes several values at
// once so that a shell can expand them: --queries query/*.sql.
type pathList []string

func (p *pathList) String() string { return strings.Join(*p, " ") }

func (p *pathList) Set(s string) error {
	if s == "" {
		return errors.New("the path is empty")
	}
	*p = append(*p, s)
	return nil
}

// stringList is a flag that may be repeated.
type stringList []string

func (l *stringList) String() string { return strings.Join(*l, " ") }

func (l *stringList) Set(s string) error {
	if s == "" {
		return errors.New("the value is empty")
	}
	*l = append(*l, s)
	return nil
}

// interleaved parses flags wherever they stand; package flag stops at the first
// argument that is none.
func interleaved(fs *flag.FlagSet, args []string) (positional []string, err error) {
	var greedy *pathList // takes the next arguments, too
	for len(args) > 0 {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		parsed := args[:len(args)-len(rest)]
		if len(parsed) > 0 {
			if parsed[len(parsed)-1] == "--" {
				return append(positional, rest...), nil
			}
			greedy = lastPathList(fs, parsed)
		}
		if len(rest) == 0 {
			break
		}
		if greedy != nil && !isURL(rest[0]) {
			if err := greedy.Set(rest[0]); err != nil {
				return nil, err
			}
		} else {
			positional, greedy = append(positional, rest[0]), nil
		}
		args = rest[1:]
	}
	return positional, nil
}

// lastPathList returns the list that the last flag of parsed belongs to, if it
// is a pathList whose value stands apart: --queries=a takes one path only.
func lastPathList(fs *flag.FlagSet, parsed []string) *pathList {
	if len(parsed) < 2 {
		return nil
	}
	name, ok := strings.CutPrefix(parsed[len(parsed)-2], "-")
	if !ok {
		return nil
	}
	f := fs.Lookup(strings.TrimPrefix(name, "-"))
	if f == nil {
		return nil
	}
	list, _ := f.Value.(*pathList)
	return list
}

// isURL tells a database URL from a path.
func isURL(s string) bool { return strings.Contains(s, "://") }

// isKeywords tells a connection string of the form "host=… dbname=…" from a
// name.
func isKeywords(s string) bool { return strings.Contains(s, "=") }

// choice is a flag with a fixed set of values.
type choice struct {
	value   *string
	allowed []string
}

func (c choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("want %s", strings.Join(c.allowed, " or "))
	}
	*c.value = s
	return nil
}

// databaseURL takes the database from the only argument, or from the
// environment so that it need not stand in the list of processes.
func (c *call) databaseURL(positional []string) (string, error) {
	url := c.getenv("DATABASE_URL")
	if len(positional) > 0 {
		url = positional[0]
	}
	if url == "" {
		return "", usageError{"no database was named (pass its URL, or set DATABASE_URL)"}
	}
	c.secret = url
	return url, nil
}

// profileFlag is --profile of the commands that know what Citus is.
func profileFlag(fs *flag.FlagSet) *string {
	profile := ""
	fs.Var(choice{&profile, []string{string(schema.ProfilePlain), string(schema.ProfileCitus)}}, "profile", "plain PostgreSQL or citus (default: what the database is)")
	return &profile
}
