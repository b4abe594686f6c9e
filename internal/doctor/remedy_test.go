package doctor

import "testing"

func TestRemedy(t *testing.T) {
	t.Parallel()
	cases := [][3]string{
		{"no sqlc here (install it)", "no sqlc here", "install it"},
		{"no role (grant it with f(x))", "no role", "grant it with f(x)"},
		{"f(x) failed", "f(x) failed", ""},
		{"cannot call f(x)", "cannot call f(x)", ""},
		{"(all of it)", "(all of it)", ""},
		{"unbalanced) (yes)", "unbalanced)", "yes"},
		{"unbalanced))", "unbalanced))", ""},
		{"one (fix a)\ntwo (fix b)", "one (fix a)\ntwo (fix b)", ""},
	}
	for _, c := range cases {
		if rest, hint := Remedy(c[0]); rest != c[1] || hint != c[2] {
			t.Errorf("%q became %q and %q", c[0], rest, hint)
		}
	}
}
