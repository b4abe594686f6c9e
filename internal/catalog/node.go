package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// A Node is one node of an expression or query as the server stores it
// (pg_node_tree), for example
//
//	{OPEXPR :opno 96 :args ({VAR :varno 1 :varattno 2} {CONST …})}
//
// The set of fields differs between versions of PostgreSQL; a field that is
// absent reads as zero. Names are those of the server's source (primnodes.h,
// parsenodes.h).
type Node struct {
	// Tag is the kind of node in upper case, such as "OPEXPR". PostgreSQL 15
	// writes RANGETBLENTRY as RTE; it is RANGETBLENTRY here in every version.
	Tag string

	order  []string
	fields map[string]any // *Node, []any or string
}

// ParseNode reads a pg_node_tree. The tree may be a list, as the actions of a
// rule are; then the node's Tag is "LIST" and its items stand in the field
// "items". An empty text gives nil.
func ParseNode(text string) (*Node, error) {
	if text == "" || text == "<>" {
		return nil, nil
	}
	p := &nodeParser{text: text}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if rest := p.peek(); rest != "" {
		return nil, fmt.Errorf("a node tree goes on with %.20q behind its end", rest)
	}
	switch v := v.(type) {
	case *Node:
		return v, nil
	case []any:
		return &Node{Tag: "LIST", order: []string{"items"}, fields: map[string]any{"items": v}}, nil
	}
	return nil, fmt.Errorf("a node tree begins with %.20q", text)
}

// Child returns the node in a field, nil if there is none.
func (n *Node) Child(field string) *Node {
	if n == nil {
		return nil
	}
	c, _ := n.fields[field].(*Node)
	return c
}

// List returns the nodes of a field that is a list, or the one node of a field
// that is not.
func (n *Node) List(field string) []*Node {
	if n == nil {
		return nil
	}
	switch v := n.fields[field].(type) {
	case *Node:
		return []*Node{v}
	case []any:
		return nodes(v)
	}
	return nil
}

// Int returns a field that is a number.
func (n *Node) Int(field string) int {
	if n == nil {
		return 0
	}
	s, _ := n.fields[field].(string)
	i, _ := strconv.Atoi(s)
	return i
}

// OID returns a field that is an object identifier.
func (n *Node) OID(field string) OID {
	if n == nil {
		return 0
	}
	s, _ := n.fields[field].(string)
	i, _ := strconv.ParseUint(s, 10, 32)
	return OID(i)
}

// Text returns a field that is a word.
func (n *Node) Text(field string) string {
	if n == nil {
		return ""
	}
	s, _ := n.fields[field].(string)
	return s
}

// Bool returns a field that is true or false.
func (n *Node) Bool(field string) bool { return n.Text(field) == "true" }

// Bytes returns the value of a constant as the server stores it: a byte per
// element, little-endian for numbers on the usual machines.
func (n *Node) Bytes(field string) []byte {
	if n == nil {
		return nil
	}
	list, _ := n.fields[field].([]any)
	var out []byte
	for _, v := range list {
		s, ok := v.(string)
		if !ok || s == "[" || s == "]" {
			continue
		}
		b, err := strconv.Atoi(s)
		if err != nil {
			return nil
		}
		out = append(out, byte(b))
	}
	if len(out) > 0 {
		out = out[1:] // the length comes first
	}
	return out
}

// Map returns a copy of the tree in which replace has been asked for every
// node: what it returns stands in the node's place, unless that is nil.
func (n *Node) Map(replace func(*Node) *Node) *Node {
	if n == nil {
		return nil
	}
	if other := replace(n); other != nil {
		return other
	}
	c := &Node{Tag: n.Tag, order: n.order, fields: make(map[string]any, len(n.fields))}
	for field, v := range n.fields {
		c.fields[field] = mapValue(v, replace)
	}
	return c
}

func mapValue(v any, replace func(*Node) *Node) any {
	switch v := v.(type) {
	case *Node:
		return v.Map(replace)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = mapValue(item, replace)
		}
		return list
	}
	return v
}

// Walk calls visit for the node and all nodes below it, outer before inner. A
// node whose visit returns false is not entered.
func (n *Node) Walk(visit func(*Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	for _, field := range n.order {
		walkValue(n.fields[field], visit)
	}
}

func walkValue(v any, visit func(*Node) bool) {
	switch v := v.(type) {
	case *Node:
		v.Walk(visit)
	case []any:
		for _, item := range v {
			walkValue(item, visit)
		}
	}
}

func nodes(list []any) []*Node {
	var out []*Node
	for _, v := range list {
		switch v := v.(type) {
		case *Node:
			out = append(out, v)
		case []any:
			out = append(out, nodes(v)...)
		}
	}
	return out
}

// nodeParser follows pg_strtok and nodeRead of the server.
type nodeParser struct {
	text string
	pos  int
}

func (p *nodeParser) token() string {
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
	if p.pos == len(p.text) {
		return ""
	}
	start := p.pos
	if strings.IndexByte("(){}", p.text[start]) >= 0 {
		p.pos++
		return p.text[start:p.pos]
	}
	for p.pos < len(p.text) && !isSpace(p.text[p.pos]) && strings.IndexByte("(){}", p.text[p.pos]) < 0 {
		if p.text[p.pos] == '\\' && p.pos+1 < len(p.text) {
			p.pos++
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *nodeParser) peek() string {
	at := p.pos
	t := p.token()
	p.pos = at
	return t
}

func (p *nodeParser) value() (any, error) {
	switch t := p.token(); t {
	case "":
		return nil, fmt.Errorf("a node tree ends at byte %d in the middle", p.pos)
	case "{":
		return p.node()
	case "(":
		var list []any
		for {
			switch p.peek() {
			case ")":
				p.token()
				return list, nil
			case "":
				return nil, fmt.Errorf("a list of a node tree is not closed")
			}
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
	case ")", "}":
		return nil, fmt.Errorf("a node tree has a stray %s at byte %d", t, p.pos)
	default:
		return unescape(t), nil
	}
}

func (p *nodeParser) node() (*Node, error) {
	n := &Node{Tag: p.token(), fields: map[string]any{}}
	if n.Tag == "RTE" {
		n.Tag = "RANGETBLENTRY"
	}
	for {
		t := p.token()
		if t == "}" {
			return n, nil
		}
		if !strings.HasPrefix(t, ":") {
			return nil, fmt.Errorf("a node tree has %.20q where a field of %s should be", t, n.Tag)
		}
		var values []any
		for next := p.peek(); next != "}" && !strings.HasPrefix(next, ":"); next = p.peek() {
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		n.order = append(n.order, t[1:])
		switch {
		case len(values) == 1 && values[0] == "<>":
		case len(values) == 1:
			n.fields[t[1:]] = values[0]
		default:
			n.fields[t[1:]] = values
		}
	}
}

func unescape(t string) string {
	if len(t) >= 2 && t[0] == '"' && t[len(t)-1] == '"' {
		t = t[1 : len(t)-1]
	}
	if strings.IndexByte(t, '\\') < 0 {
		return t
	}
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] == '\\' && i+1 < len(t) {
			i++
		}
		b.WriteByte(t[i])
	}
	return b.String()
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }
