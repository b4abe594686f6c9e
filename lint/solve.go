package lint

import "slices"

// search is one walk over the graph: the tokens that are present and the nodes
// that are known to be equal to the start.
type search struct {
	a       *analysis
	present map[token]bool
	reached map[nodeID]bool
	queue   []nodeID
	waiting []waiting
}

// waiting is an edge whose fact does not hold yet.
type waiting struct {
	to   nodeID
	fact *fact
}

func (a *analysis) search(start nodeID, tokens []token) *search {
	s := &search{a: a, present: map[token]bool{}, reached: map[nodeID]bool{}}
	for _, t := range tokens {
		s.bring(t)
	}
	s.reach(start)
	s.run()
	return s
}

// bring makes a token present, with all it implies.
func (s *search) bring(t token) {
	if t == noToken || s.present[t] {
		return
	}
	s.present[t] = true
	for _, u := range s.a.implies[t] {
		s.bring(u)
	}
}

func (s *search) reach(n nodeID) {
	if n == noNode || s.reached[n] {
		return
	}
	s.reached[n] = true
	s.bring(s.a.nodes[n].leaf)
	s.queue = append(s.queue, n)
}

func (s *search) holds(f *fact) bool {
	if f == nil {
		return true
	}
	for _, t := range f.guards {
		if s.present[t] {
			return true
		}
	}
	return false
}

func (s *search) run() {
	for {
		for len(s.queue) > 0 {
			n := s.queue[len(s.queue)-1]
			s.queue = s.queue[:len(s.queue)-1]
			s.expand(n)
		}
		// A token that came late may have made earlier edges usable.
		rest := s.waiting[:0]
		for _, w := range s.waiting {
			if s.holds(w.fact) {
				s.reach(w.to)
			} else {
				rest = append(rest, w)
			}
		}
		s.waiting = rest
		if len(s.queue) == 0 {
			return
		}
	}
}

func (s *search) expand(n nodeID) {
	t := &s.a.nodes[n]
	switch t.kind {
	case termParam, termLiteral:
		// Two columns that equal the same parameter are equal, but to walk on
		// from here would only find what the parameter already says.
		return
	case termAll, termSelf:
		for _, p := range s.a.commonParams(n) {
			s.reach(p.node)
		}
	}
	for _, e := range s.a.nodes[n].edges {
		if s.holds(e.fact) {
			s.reach(e.to)
		} else {
			s.waiting = append(s.waiting, waiting(e))
		}
	}
}

// params returns the parameters that were reached.
func (s *search) params() []*param {
	var out []*param
	for n := range s.reached {
		if p := s.a.nodes[n].param; p != nil {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(x, y *param) int { return x.order - y.order })
	return out
}

// commonParams returns the parameters that every arm of a set operation (or
// every row of a VALUES list) equals.
func (a *analysis) commonParams(n nodeID) []*param {
	t := &a.nodes[n]
	if t.kind == termSelf {
		a.solveRecursion(t.rec)
		if t.rec.solved != nil && t.col < len(t.rec.solved) {
			return t.rec.solved[t.col]
		}
		return nil
	}
	if t.rec != nil {
		a.solveRecursion(t.rec)
		if t.col < len(t.rec.solved) {
			return t.rec.solved[t.col]
		}
		return nil
	}
	if p, ok := a.memo[n]; ok {
		return p
	}
	// A term that is reached while it is being computed adds nothing.
	a.memo[n] = nil
	out := a.meet(t.arms, t.any)
	if a.assuming == 0 {
		a.memo[n] = out
	} else {
		// The answer rests on an assumption about a recursion in progress.
		delete(a.memo, n)
	}
	return out
}

func (a *analysis) meet(arms []arm, anyArm bool) []*param {
	var out []*param
	for i, m := range arms {
		var ps []*param
		if m.node != noNode {
			ps = a.search(m.node, m.from).params()
		}
		switch {
		case i == 0:
			out = ps
		case anyArm:
			for _, p := range ps {
				if !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
		default:
			out = intersect(out, ps)
		}
	}
	return out
}

func intersect(x, y []*param) []*param {
	var out []*param
	for _, p := range x {
		if slices.Contains(y, p) {
			out = append(out, p)
		}
	}
	return out
}

// solveRecursion finds, for each column of a recursive query, the parameters it
// always equals: by induction. What the first arm gives is assumed of the rows
// that come back into the recursive arm, and what that arm does not keep is
// dropped, until nothing is.
func (a *analysis) solveRecursion(r *recursion) {
	if r.solved != nil || r.busy {
		return
	}
	r.busy = true
	a.assuming++
	// The union node of each column has the arms.
	cand := make([][]*param, len(r.block.outs))
	for k, o := range r.block.outs {
		if t := &a.nodes[o.node]; len(t.arms) > 0 && t.arms[0].node != noNode {
			cand[k] = a.search(t.arms[0].node, t.arms[0].from).params()
		}
	}
	for changed := true; changed; {
		changed = false
		r.solved = cand
		next := make([][]*param, len(cand))
		for k, o := range r.block.outs {
			next[k] = intersect(cand[k], a.meet(a.nodes[o.node].arms[1:], false))
			changed = changed || len(next[k]) != len(cand[k])
		}
		cand = next
	}
	r.solved = cand
	a.assuming--
	r.busy = false
}

// pinnedBy returns the parameters that an occurrence's tenant column is forced
// to equal.
func (a *analysis) pinnedBy(o *occurrence, n nodeID) ([]*param, *search) {
	if n == noNode {
		return nil, nil
	}
	s := a.search(n, o.start)
	if ps := s.params(); len(ps) > 0 {
		return ps, s
	}
	if a.sameRows(s, o) {
		return s.params(), s
	}
	return nil, s
}

// sameRows extends a search by keys: two occurrences of one table whose key
// columns are equal are the same row, so their tenants are equal, too. This is
// how "update jobs … where id = (select id from jobs where tenant_id = $1 …)"
// is scoped when id alone is unique.
func (a *analysis) sameRows(s *search, o *occurrence) bool {
	if len(a.occs) < 2 {
		return false
	}
	tried := map[*relation]bool{}
	for progress := true; progress; {
		progress = false
		for _, x := range a.occs {
			if tried[x.rel] || x.rel == nil || !s.present[x.rel.leaf] || !a.tenantReached(s, x) {
				continue
			}
			tried[x.rel] = true
			for _, y := range a.occs {
				if y.rel == x.rel || y.table != x.table || a.tenantReached(s, y) || !a.sameKey(s, x, y) {
					continue
				}
				s.bring(y.rel.leaf)
				for l, n := range y.levels {
					if l < len(x.levels) && s.reached[x.levels[l]] {
						s.reach(n)
					}
				}
				progress = true
			}
		}
		s.run()
		if len(s.params()) > 0 {
			return true
		}
	}
	return false
}

func (a *analysis) tenantReached(s *search, o *occurrence) bool {
	return slices.ContainsFunc(o.levels, func(n nodeID) bool { return n != noNode && s.reached[n] })
}

// sameKey reports whether two occurrences are forced to be the same row. s
// gives the tokens that hold.
func (a *analysis) sameKey(s *search, x, y *occurrence) bool {
	var present []token
	for t := range s.present {
		present = append(present, t)
	}
	for _, cols := range x.table.rowKeys() {
		same := true
		for _, c := range cols {
			nx, ny := x.rel.column(a, c), y.rel.column(a, c)
			if nx == noNode || ny == noNode || !a.search(nx, present).reached[ny] {
				same = false
				break
			}
		}
		if same {
			return true
		}
	}
	return false
}

// rowKeys returns the column lists that name one row.
func (t *Table) rowKeys() [][]string {
	var out [][]string
	for _, k := range t.Keys {
		if t.identifies(k) {
			out = append(out, k.Columns)
		}
	}
	if t.children == 0 && t.kind == relTable {
		out = append(out, []string{"ctid"})
	}
	return out
}
