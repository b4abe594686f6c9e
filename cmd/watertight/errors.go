package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/watertight-go/watertight/internal/doctor"
)

// errHelped ends a command that printed its help: exit code 0.
var errHelped = errors.New("help")

// findings ends a command that printed findings: exit code 1. Its text, which
// may be empty, says what to do about them as a whole.
type findings string

func (f findings) Error() string { return string(f) }

// usageError is a mistake in the command line.
type usageError struct{ msg string }

func (e usageError) Error() string { return e.msg }

// exitCode prints err for a person and returns the exit code for a script. The
// call is nil when no command was found.
func exitCode(e *env, c *call, err error) int {
	if err == nil || errors.Is(err, errHelped) {
		return exitClean
	}
	code := exitFailed
	text := err.Error()
	if _, ok := errors.AsType[findings](err); ok {
		if code = exitFindings; text == "" {
			return code
		}
	}
	if c != nil {
		for _, dsn := range c.secrets() {
			text = redact(text, dsn)
		}
	}
	text, hint := doctor.Remedy(text)
	out := painted(e.stderr, e.getenv)
	fmt.Fprintf(out, "watertight: error: %s\n", text)
	if _, ok := errors.AsType[usageError](err); ok && hint == "" && c != nil {
		hint = "watertight " + c.cmd.name + " --help shows what it takes"
	}
	if hint != "" {
		fmt.Fprintf(out, "hint: %s\n", hint)
	}
	return code
}

// keywordPassword is the password in a connection string of the form
// "host=… password=…".
var keywordPassword = regexp.MustCompile(`password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)

// urlInside is a database URL in an argument, behind the name of a flag or of a
// place for instance.
var urlInside = regexp.MustCompile(`postgres(?:ql)?://\S+`)

// secrets are the database URLs of the call. Package flag repeats the value that
// it could not take, so those among the arguments count before any command has
// read them.
func (c *call) secrets() []string {
	list := []string{c.secret}
	for _, a := range c.args {
		if u := urlInside.FindString(a); u != "" {
			list = append(list, u)
		} else if keywordPassword.MatchString(a) {
			list = append(list, a)
		}
	}
	return list
}

// redact removes the database URL and its password from a text. It is the last
// of several guards: the packages below do not put them there.
func redact(text, dsn string) string {
	if dsn == "" {
		return text
	}
	text = strings.ReplaceAll(text, dsn, "the database URL")
	for _, secret := range passwords(dsn) {
		text = strings.ReplaceAll(text, secret, "xxxxx")
	}
	return text
}

// passwords returns the password of a connection string in the forms in which
// an error may repeat it.
func passwords(dsn string) []string {
	var found []string
	if u, err := url.Parse(dsn); err == nil {
		if p, ok := u.User.Password(); ok {
			found = append(found, p, url.QueryEscape(p), url.PathEscape(p))
		}
		if p := u.Query().Get("password"); p != "" {
			found = append(found, p, url.QueryEscape(p))
		}
	}
	for _, m := range keywordPassword.FindAllStringSubmatch(dsn, -1) {
		found = append(found, strings.Trim(m[1], "'"))
	}
	// A password of one or two characters is no secret, and replacing it would
	// take the text apart.
	kept := found[:0]
	for _, p := range found {
		if len(p) > 2 {
			kept = append(kept, p)
		}
	}
	return kept
}
