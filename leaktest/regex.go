package leaktest

import (
	"regexp/syntax"
	"strings"
)

// matching returns a text that matches a regular expression of PostgreSQL, or
// false for one that Go cannot read. The number chooses among the texts.
func matching(pattern string, n int) (string, bool) {
	pattern = strings.NewReplacer(`\Z`, `\z`, `\m`, `\b`, `\M`, `\b`, `\y`, `\b`).Replace(pattern)
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	g := &generator{n: n, out: &b}
	g.write(re.Simplify())
	return b.String(), true
}

type generator struct {
	n   int
	out *strings.Builder
}

// pick chooses among k, differently at each place and for each n.
func (g *generator) pick(k int) int {
	g.n = (g.n*1103515245 + 12345) & 0x7fffffff
	return g.n >> 8 % k
}

func (g *generator) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		g.out.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		g.class(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.out.WriteByte("abcdefghijklmnopqrstuvwxyz0123456789"[g.choose(36)])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			g.write(sub)
		}
	case syntax.OpAlternate:
		g.write(re.Sub[g.choose(len(re.Sub))])
	case syntax.OpStar:
		g.repeat(re.Sub[0], 0, 8)
	case syntax.OpPlus:
		g.repeat(re.Sub[0], 3, 8)
	case syntax.OpQuest:
		g.repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		high := re.Max
		if high < 0 {
			high = re.Min + 6
		}
		g.repeat(re.Sub[0], re.Min, min(high, re.Min+12))
	}
}

func (g *generator) choose(k int) int { return g.pick(1<<20) % k }

func (g *generator) repeat(re *syntax.Regexp, low, high int) {
	for range low + g.choose(high-low+1) {
		g.write(re)
	}
}

// class writes a character of a class, a letter or digit where there is one.
func (g *generator) class(ranges []rune) {
	var plain []rune
	for i := 0; i+1 < len(ranges); i += 2 {
		for c := ranges[i]; c <= ranges[i+1] && c < 0x7f; c++ {
			if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' {
				plain = append(plain, c)
			}
		}
	}
	if len(plain) > 0 {
		g.out.WriteRune(plain[g.choose(len(plain))])
		return
	}
	if len(ranges) > 0 {
		g.out.WriteRune(ranges[0])
	}
}
