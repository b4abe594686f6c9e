package lint

import (
	"sort"
	"strings"
)

// sqlc's @name parameters are not SQL: Postgres reads @ as an operator. They
// are written as $50001 and so on before the statement is parsed.

const namedBase = 50000

// rewritten is a statement with its named parameters numbered.
type rewritten struct {
	sql    string
	named  map[int32]string // number to @name
	shifts []shift
}

// shift says that from an offset of the rewritten text on, the original is
// this many bytes further.
type shift struct{ at, by int }

// original maps an offset of the rewritten text back.
func (r *rewritten) original(off int) int {
	i := sort.Search(len(r.shifts), func(i int) bool { return r.shifts[i].at > off })
	if i == 0 {
		return off
	}
	return off + r.shifts[i-1].by
}

// numberParams replaces @name and :name by numbers.
func numberParams(s string) *rewritten {
	r := &rewritten{sql: s, named: map[int32]string{}}
	if !strings.ContainsAny(s, "@:") {
		return r
	}
	var b strings.Builder
	numbers := map[string]int32{}
	last, brackets := 0, 0
	lex(s, func(l lexeme) bool {
		if l.kind != lexCode {
			return true
		}
		switch s[l.start] {
		case '[':
			brackets++
		case ']':
			brackets--
		case '@', ':':
			end := namedParam(s, l.start, brackets > 0)
			if end == 0 || l.start < last {
				return true
			}
			name := "@" + s[l.start+1:end]
			n := numbers[name]
			if n == 0 {
				n = namedBase + 1 + int32(len(numbers))
				numbers[name] = n
				r.named[n] = name
			}
			b.WriteString(s[last:l.start])
			b.WriteString("$" + itoa(int(n)))
			last = end
			r.shifts = append(r.shifts, shift{b.Len(), end - b.Len()})
		}
		return true
	})
	b.WriteString(s[last:])
	r.sql = b.String()
	return r
}

// namedParam returns the end of the parameter name that begins after s[i], or
// 0 when s[i] is part of an operator, a cast or an array slice.
func namedParam(s string, i int, inBrackets bool) int {
	if i+1 >= len(s) || !isWordStart(s[i+1]) {
		return 0
	}
	if s[i] == ':' && (inBrackets || i > 0 && s[i-1] == ':') {
		return 0
	}
	if i > 0 && isOperator(s[i-1]) {
		// =@x, >@x, <=@x and <>@x compare with a parameter; @>, <@ and the
		// like are operators of their own.
		before := byte(' ')
		if i > 1 {
			before = s[i-2]
		}
		switch {
		case s[i-1] == '=' && (!isOperator(before) || strings.IndexByte("<>!", before) >= 0):
		case s[i-1] == '>' && (!isOperator(before) || before == '<'):
		default:
			return 0
		}
	}
	end := i + 1
	for end < len(s) && isWordPart(s[end]) {
		end++
	}
	return end
}
