package inspect

import "testing"

func TestPlainText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, noComments, noStrings string }{
		{"select 1 -- doc\nfrom a", "select 1 \nfrom a", "select 1 \nfrom a"},
		{"a /* x /* y */ doc */ b", "a   b", "a   b"},
		{"select 'it''s -- doc' from a", "select 'it''s -- doc' from a", "select '' from a"},
		{`select E'it\'s doc' from a`, `select E'it\'s doc' from a`, "select E'' from a"},
		{"execute $q$select doc$q$ using $1", "execute $q$select doc$q$ using $1", "execute '' using $1"},
		{"select $$doc$$ || $1", "select $$doc$$ || $1", "select '' || $1"},
		{`select "it's" from "a--b"`, `select "it's" from "a--b"`, `select "it's" from "a--b"`},
		{"a$b$c from d", "a$b$c from d", "a$b$c from d"},
		{"select 'open", "select 'open", "select ''"},
	} {
		if got := plainText(c.in, false); got != c.noComments {
			t.Errorf("without comments, %q is %q, want %q", c.in, got, c.noComments)
		}
		if got := plainText(c.in, true); got != c.noStrings {
			t.Errorf("without strings, %q is %q, want %q", c.in, got, c.noStrings)
		}
	}
}
