package docs_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A page is a Markdown file.
type page struct {
	name     string
	text     string
	database string // what is in its database from the beginning, see databases
	blocks   []block
}

// A block is fenced code.
type block struct {
	line       int
	language   string
	text       string
	directives map[string]string
	follows    bool // nothing but blank lines is between it and the block before
}

func (b block) has(directive string) bool { _, ok := b.directives[directive]; return ok }

// directives are what a comment may say, and for which languages.
var directives = map[string][]string{
	"not run": nil, // any
	"file":    nil,
	"in":      {"sh"},
	"exit":    {"sh"},
	"as":      {"sql"},
	"fails":   {"sql"},
}

// check returns why the block has no rule by which it is executed.
func (b block) check() error {
	for name := range b.directives {
		languages, ok := directives[name]
		if !ok {
			return fmt.Errorf("there is no directive %q", name)
		}
		if languages != nil && !slices.Contains(languages, b.language) {
			return fmt.Errorf("the directive %q is for %s, not for %q", name, strings.Join(languages, ", "), b.language)
		}
	}
	switch {
	case b.has("not run"), b.has("file"), b.language == "go", b.language == "sh", b.language == "sql":
		return nil
	case b.language == "text" && b.follows:
		return nil
	}
	return fmt.Errorf("a block of language %q has no rule (name its file, let it follow what prints it, or give the reason why it is not run)", b.language)
}

// isOutput reports whether the block is what the one before it prints.
func (p page) isOutput(i int) bool {
	return i > 0 && p.blocks[i].language == "text" && p.blocks[i].follows && len(p.blocks[i].directives) == 0
}

// output is what the block prints, if the page says so.
func (p page) output(i int) *string {
	if i+1 < len(p.blocks) && p.isOutput(i+1) {
		return &p.blocks[i+1].text
	}
	return nil
}

var comment = regexp.MustCompile(`^<!-- ([a-z ]+): (.*) -->$`)

func readPage(t *testing.T, name string) page {
	t.Helper()
	p, err := parsePage(name, readFile(t, name))
	require.NoError(t, err)
	return p
}

// parsePage finds the blocks of a page.
func parsePage(name, text string) (page, error) {
	p := page{name: name, text: text}
	said := map[string]string{} // by the comments right before
	follows := false
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if m := comment.FindStringSubmatch(line); m != nil {
			if m[1] == "database" {
				if _, ok := databases[m[2]]; !ok {
					return p, fmt.Errorf("%s:%d: there is no kind of database %q", name, i+1, m[2])
				}
				p.database = m[2]
				continue
			}
			said[m[1]] = m[2]
			continue
		}
		if language, ok := strings.CutPrefix(line, "```"); ok {
			indent := strings.Index(lines[i], "```")
			b := block{line: i + 1, language: language, directives: said, follows: follows}
			for i++; ; i++ {
				if i == len(lines) {
					return p, fmt.Errorf("%s:%d: the block has no end", name, b.line)
				}
				if strings.TrimSpace(lines[i]) == "```" {
					break
				}
				b.text += strings.TrimPrefix(lines[i], strings.Repeat(" ", indent)) + "\n"
			}
			p.blocks = append(p.blocks, b)
			said, follows = map[string]string{}, true
			continue
		}
		if line != "" {
			said, follows = map[string]string{}, false
		}
	}
	return p, nil
}

// Each way to leave a block without a rule is seen.
func TestBlocksWithoutARuleAreSeen(t *testing.T) {
	t.Parallel()
	const fence = "```"
	for text, want := range map[string]string{
		fence + "\nmake test\n" + fence:                                       `language ""`,
		fence + "yaml\na: b\n" + fence:                                        `language "yaml"`,
		fence + "text\nout\n" + fence:                                         `language "text"`,
		"<!-- exit: 1 -->\n" + fence + "sql\nselect 1\n" + fence:              `"exit" is for sh`,
		"<!-- exits: 1 -->\n" + fence + "sh\ntrue\n" + fence:                  `no directive "exits"`,
		fence + "sh\ntrue\n" + fence + "\nwords\n" + fence + "text\n" + fence: `language "text"`,
	} {
		p, err := parsePage("a page", text)
		require.NoError(t, err)
		last := p.blocks[len(p.blocks)-1]
		require.ErrorContains(t, last.check(), want, text)
	}
	_, err := parsePage("a page", fence+"sh\ntrue")
	require.ErrorContains(t, err, "no end")

	p, err := parsePage("a page", "<!-- file: a.yaml -->\n"+fence+"yaml\na: b\n"+fence+"\n\n"+fence+"sh\ncat a.yaml\n"+fence+"\n"+fence+"text\na: b\n"+fence)
	require.NoError(t, err)
	for _, b := range p.blocks {
		require.NoError(t, b.check())
	}
	require.Equal(t, "a: b\n", *p.output(1))
}

// The index of the design notes has every note under its own title.
func TestDesignIndexIsComplete(t *testing.T) {
	t.Parallel()
	index := readFile(t, "design/README.md")
	notes, err := filepath.Glob("design/[0-9]*.md")
	require.NoError(t, err)
	require.NotEmpty(t, notes)
	for _, note := range notes {
		title := regexp.MustCompile(`^# (?:\d+[.:] )?(.+)`).FindStringSubmatch(readFile(t, note))
		require.NotNil(t, title, "%s does not begin with a title", note)
		require.Contains(t, index, "["+title[1]+"]("+filepath.Base(note)+")", "design/README.md lacks it")
	}
}
