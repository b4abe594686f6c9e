package leaktest

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// canaryHead is how much of a canary it takes to look it up. Shorter values are
// none: they come up by chance.
const canaryHead = 6

// canaries are values that only the victim has: whoever else shows one has read
// it. They are looked up by their beginnings, so that an answer takes time by its
// own length and not by the number of tables.
type canaries struct {
	lengths map[string][]int // of the canaries that begin so, ascending
	all     map[string]bool
}

// newCanaries takes the victim's values that nobody else has.
func (w *world) newCanaries() *canaries {
	others, theirs := map[string]bool{}, map[string]bool{}
	for _, t := range w.tables {
		for _, r := range t.rows {
			for _, v := range r.values {
				switch {
				case len(v) < canaryHead || v == nullText:
				case r.tenant != nil && r.tenant.index == 1:
					theirs[v] = true
				default:
					others[v] = true
				}
			}
		}
	}
	c := &canaries{lengths: map[string][]int{}, all: map[string]bool{}}
	for v := range theirs {
		if others[v] {
			continue
		}
		c.all[v] = true
		head := v[:canaryHead]
		if n, there := slices.BinarySearch(c.lengths[head], len(v)); !there {
			c.lengths[head] = slices.Insert(c.lengths[head], n, len(v))
		}
	}
	return c
}

// shown says whether an answer holds a value of the victim that was not in the
// question.
func (c *canaries) shown(rows [][]string, bound []string) bool {
	for _, r := range rows {
		for _, v := range r {
			if c.in(v, bound) {
				return true
			}
		}
	}
	return false
}

func (c *canaries) in(v string, bound []string) bool {
	for i := 0; i+canaryHead <= len(v); i++ {
		for _, n := range c.lengths[v[i:i+canaryHead]] {
			if i+n > len(v) || !c.all[v[i:i+n]] || !stands(v, i, i+n) {
				continue
			}
			if found := v[i : i+n]; !slices.ContainsFunc(bound, func(b string) bool { return strings.Contains(b, found) }) {
				return true
			}
		}
	}
	return false
}

// stands says that a part of a value is a word of it, not a piece of one: 151.72
// in 3151.72 is chance.
func stands(v string, from, to int) bool {
	first, _ := utf8.DecodeRuneInString(v[from:])
	last, _ := utf8.DecodeLastRuneInString(v[:to])
	// A dot goes on a number only if a digit follows it on the other side.
	before, _ := utf8.DecodeLastRuneInString(strings.TrimSuffix(v[:from], "."))
	after, _ := utf8.DecodeRuneInString(strings.TrimPrefix(v[to:], "."))
	if strings.HasSuffix(v[:from], ".") && !unicode.IsDigit(before) {
		before = ' '
	}
	if strings.HasPrefix(v[to:], ".") && !unicode.IsDigit(after) {
		after = ' '
	}
	return !(joined(first) && joined(before)) && !(joined(last) && joined(after))
}

// joined says that a rune goes on a word or a number. The error rune stands for
// the end of the value.
func joined(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
