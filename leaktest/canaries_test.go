package leaktest

import "testing"

func TestCanaries(t *testing.T) {
	t.Parallel()
	me, victim := &tenant{index: 0}, &tenant{index: 1}
	w := &world{tables: []*table{{rows: []*row{
		{tenant: me, values: map[string]string{"a": "shared value", "b": "3151.72"}},
		{tenant: victim, values: map[string]string{"a": "shared value", "b": "151.72", "c": "wt bravo 7", "d": "wt bravo 71", "e": "short", "f": "{x,y}: secret"}},
	}}}}
	c := w.newCanaries()
	for value, want := range map[string]bool{
		"151.72": true, "total 151.72 EUR": true, "(1,151.72,t)": true, `{"a": "wt bravo 7"}`: true, "wt bravo 7,wt bravo 71": true,
		"wt bravo 71": true, "> {x,y}: secret <": true, "It was 151.72.": true, "see wt bravo 7. Then": true,
		"3151.72": false, "151.725": false, "x151.72": false, "shared value": false, "short": false, "": false, "wt bravo 712": false, "é151.72": false, "9.151.72": false, "151.72.5": false,
	} {
		if got := c.shown([][]string{{"other", value}}, nil); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	if c.shown([][]string{{"wt bravo 7"}}, []string{"asked for wt bravo 7"}) {
		t.Error("what was in the question counts as a leak")
	}
	if !c.shown([][]string{{"wt bravo 71"}}, []string{"wt bravo 7"}) {
		t.Error("the beginning of a value in the question excuses all of it")
	}
}
