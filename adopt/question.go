package adopt

import (
	"fmt"
	"slices"
	"strings"
)

// A Question is something that a person has to decide, or to mend, before there
// can be a plan.
type Question struct {
	// Kind is stable, for scripts: no-way, two-ways, no-tenant, two-tenants,
	// no-parent, second-tenant, definer, view-key, no-key and unsupported.
	Kind string `json:"kind"`

	// Object is what the question is about, as Decisions name it.
	Object string `json:"object"`

	// Rows is the number of rows that it is about, 0 where it is about none.
	Rows int64 `json:"rows,omitempty"`

	Message string `json:"message"`
	Answers string `json:"answers"` // what to do, or what to write among the decisions
}

// A Notice is something that will be different, and that nobody has to decide.
type Notice struct {
	Object  string `json:"object"`
	Message string `json:"message"`
}

func (m *model) ask(kind, object string, rows int64, answers, message string, args ...any) {
	m.questions = append(m.questions, Question{Kind: kind, Object: object, Rows: rows, Message: fmt.Sprintf(message, args...), Answers: answers})
}

func (m *model) tell(object, message string, args ...any) {
	m.notices = append(m.notices, Notice{Object: object, Message: fmt.Sprintf(message, args...)})
}

// decided returns the decision on a table and notes that it was asked for.
func (m *model) decided(t *table) (TableDecision, bool) {
	d, ok := m.decisions.Tables[t.Name()]
	m.used["tables: "+t.Name()] = true
	return d, ok
}

func (m *model) decidedReference(name string) string {
	m.used["references: "+name] = true
	return m.decisions.References[name]
}

func (m *model) decidedFunction(name string) string {
	m.used["functions: "+name] = true
	return m.decisions.Functions[name]
}

// unused lists decisions that nothing asked for: a name that is misspelt would
// otherwise leave its question open, or worse, close none.
func (m *model) unused() []string {
	var out []string
	note := func(key string) {
		if !m.used[key] {
			out = append(out, key)
		}
	}
	for name := range m.decisions.Tables {
		note("tables: " + name)
	}
	for name := range m.decisions.References {
		note("references: " + name)
	}
	for name := range m.decisions.Functions {
		note("functions: " + name)
	}
	slices.Sort(out)
	return out
}

// sortQuestions puts what is about one object together.
func (m *model) sortQuestions() {
	slices.SortStableFunc(m.questions, func(a, b Question) int { return strings.Compare(a.Object, b.Object) })
	slices.SortStableFunc(m.notices, func(a, b Notice) int { return strings.Compare(a.Object, b.Object) })
}
