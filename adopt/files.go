package adopt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Files of a folder beside the steps.
const (
	readmeFile    = "README.md"
	DecisionsFile = "decisions.yaml"
)

var stepFile = regexp.MustCompile(`^(\d{4})_(\w+)\.sql$`)

// Write writes the plan to a folder: a file for each step, and a README. Files
// of an earlier plan are replaced; the decisions stay.
func (p *Plan) Write(dir string) error {
	if len(p.Questions) > 0 || len(p.Steps) == 0 {
		return errors.New("there is no plan while questions are open (answer them first)")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the plan's folder: %w", err)
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the plan's folder: %w", err)
	}
	for _, f := range old {
		if stepFile.MatchString(f.Name()) {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return fmt.Errorf("remove an earlier plan: %w", err)
			}
		}
	}
	for _, s := range p.Steps {
		if err := os.WriteFile(filepath.Join(dir, s.File()), []byte(s.format(p.fingerprint)), 0o644); err != nil {
			return fmt.Errorf("write the plan: %w", err)
		}
	}
	readme, err := p.readme()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, readmeFile), readme, 0o644); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

const (
	contractLine = "-- +watertight contract"
	wholeLine    = "-- +watertight whole"
	schemaLine   = "-- +watertight schema "
)

func (s *Step) format(fingerprint string) string {
	var b strings.Builder
	b.WriteString("-- +goose NO TRANSACTION\n")
	b.WriteString(schemaLine + fingerprint + "\n")
	if s.Contract {
		b.WriteString(contractLine + "\n")
	}
	if s.Whole {
		b.WriteString(wholeLine + "\n")
	}
	fmt.Fprintf(&b, "-- %s.\n--\n", s.Title)
	for line := range strings.Lines(s.Why) {
		b.WriteString("-- " + strings.TrimSuffix(line, "\n") + "\n")
	}
	b.WriteString("\n-- +goose Up\n")
	writeStatements(&b, s.Up)
	b.WriteString("\n-- +goose Down\n")
	writeStatements(&b, s.Down)
	return b.String()
}

func writeStatements(b *strings.Builder, statements []string) {
	for _, s := range statements {
		switch {
		case s == installDirective || s == uninstallDirective:
			b.WriteString(s + "\n")
		case strings.Contains(s, ";"):
			b.WriteString("-- +goose StatementBegin\n" + s + ";\n-- +goose StatementEnd\n")
		default:
			b.WriteString(s + ";\n")
		}
	}
}

// helpers are the statements of the helpers' file.
func helpers() []string {
	s := &Step{}
	// The file is part of the program and is read by every plan.
	if err := s.parse("helpers.sql", "-- +goose Up\n"+query("helpers.sql")); err != nil {
		panic("adopt: " + err.Error())
	}
	return s.Up
}

// Load reads the steps of a plan from its folder.
func Load(dir string) ([]*Step, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	var steps []*Step
	for _, f := range files {
		match := stepFile.FindStringSubmatch(f.Name())
		if match == nil {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		n, err := strconv.Atoi(match[1])
		if err != nil {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		s := &Step{Number: n, Name: match[2]}
		if err := s.parse(f.Name(), string(content)); err != nil {
			return nil, err
		}
		if want := len(steps) + 1; n != want {
			return nil, fmt.Errorf("step %d of the plan in %s is missing (write the plan again)", want, dir)
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("there is no plan in %s (write one by watertight adopt URL --out %s)", dir, dir)
	}
	return steps, nil
}

// parse reads goose's format: a statement ends with a line that ends with a
// semicolon, or stands between StatementBegin and StatementEnd.
func (s *Step) parse(name, content string) error {
	var (
		into      *[]string
		statement strings.Builder
		inside    bool
	)
	end := func() {
		if text := strings.TrimSuffix(strings.TrimSpace(statement.String()), ";"); text != "" && into != nil {
			*into = append(*into, text)
		}
		statement.Reset()
	}
	for n, line := range strings.Split(content, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "-- +goose Up":
			into = &s.Up
		case trimmed == "-- +goose Down":
			into = &s.Down
		case trimmed == "-- +goose StatementBegin":
			inside = true
		case trimmed == "-- +goose StatementEnd":
			inside = false
			end()
		case trimmed == contractLine:
			s.Contract = true
		case trimmed == wholeLine:
			s.Whole = true
		case strings.HasPrefix(trimmed, schemaLine):
			s.schema = strings.TrimPrefix(trimmed, schemaLine)
		case trimmed == installDirective || trimmed == uninstallDirective:
			statement.WriteString(trimmed)
			end()
		case !inside && (trimmed == "" || strings.HasPrefix(trimmed, "--")):
			if s.Title == "" && into == nil && trimmed != "-- +goose NO TRANSACTION" {
				s.Title = strings.TrimSuffix(strings.TrimPrefix(trimmed, "-- "), ".")
			}
		case into == nil:
			return fmt.Errorf("%s:%d: a statement stands before -- +goose Up", name, n+1)
		default:
			statement.WriteString(line + "\n")
			if !inside && strings.HasSuffix(trimmed, ";") {
				end()
			}
		}
	}
	if inside || strings.TrimSpace(statement.String()) != "" {
		return fmt.Errorf("%s: the last statement does not end (a semicolon, or -- +goose StatementEnd)", name)
	}
	return nil
}
