package inspect

import (
	"slices"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A level says how far a condition limits the rows of a table to the tenant of
// the context, the best first. A conjunction is as good as its best part, a
// disjunction as bad as its worst.
type level int

const (
	closed  level = iota // no row passes
	pinned               // the tenant column equals the tenant of the context
	lookup               // the tenant is looked up in another table
	opaque               // a function or a comparison with a person decides: cannot be told from outside
	nullRow              // rows without a tenant pass, too
	loose                // compares with the tenant so that different tenants can be the same
	open                 // rows of other tenants pass
)

func (l level) String() string {
	return [...]string{"closed", "pinned", "lookup", "opaque", "null", "loose", "open"}[l]
}

// A result is what is known about a condition.
type result struct {
	level level

	// class groups reasons for the rules: "true", "column", "missing", "unset",
	// "bypass", "self", "constant", "not", "subquery", "function", "compare", "null",
	// "person", "owner".
	class  string
	reason string // completes "rows of other tenants pass: …"

	contexts []source          // what the tenant column is compared with
	lookups  []catalog.OID     // tables that the condition reads
	calls    []catalog.OID     // functions that the condition calls
	policies []*catalog.Policy // of a result for a command: where it comes from
	widened  bool              // one policy is good, and another makes it worse
}

func isClosed() result                   { return result{level: closed, class: "closed"} }
func isOpen(class, reason string) result { return result{level: open, class: class, reason: reason} }

func isOpaque(class, reason string) result {
	return result{level: opaque, class: class, reason: reason}
}

// and combines conditions that all must hold.
func and(list ...result) result {
	if len(list) == 0 {
		return isOpen("true", "there is no condition")
	}
	best := list[0]
	for _, r := range list[1:] {
		if r.level < best.level {
			r, best = best, r
		}
		if best.level == closed {
			return isClosed()
		}
		// What the other conjuncts call and read still runs.
		best.calls = union(best.calls, r.calls)
	}
	return best
}

// or combines conditions of which one suffices.
func or(list ...result) result {
	worst := isClosed()
	for _, r := range list {
		if r.level == closed {
			continue
		}
		contexts, lookups, calls := append(slices.Clone(worst.contexts), r.contexts...), union(worst.lookups, r.lookups), union(worst.calls, r.calls)
		// A condition on the person beside one on the tenant widens it; alone it
		// may be all there is to a row of that person.
		widened := worst.level != closed && (r.class == "person") != (worst.class == "person") && min(worst.level, r.level) <= lookup
		if r.level > worst.level || worst.level == closed {
			policies := union(worst.policies, r.policies)
			worst = r
			worst.policies = policies
		}
		if widened && worst.class == "person" && worst.level == opaque {
			worst.level, worst.reason = open, worst.reason+", and that is enough"
		}
		worst.contexts, worst.lookups, worst.calls = contexts, lookups, calls
	}
	return worst
}

func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
