package sqlcplugin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Service begins the argument with which sqlc calls a plugin.
const Service = "/plugin.CodegenService/"

// Called reports whether the program was started by sqlc as a plugin. args are
// the arguments without the name of the program.
func Called(args []string) bool {
	return len(args) > 0 && strings.HasPrefix(args[0], Service)
}

// Main answers one call of sqlc and returns the exit code: 0 when the answer is
// on stdout, 1 when a gate found something or the request cannot be used. Gates
// run in order and all of them run, so that a user sees every finding at once.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, gates ...Gate) int {
	if !Called(args) || args[0] != Service+"Generate" {
		fmt.Fprintln(stderr, "sqlc-gen-watertight is a plugin that sqlc starts (run watertight generate instead)")
		return 2
	}
	files, err := generate(stdin, gates)
	if err != nil {
		// sqlc puts its own words in front of the first line; the line break
		// leaves file:line at the start of a line, where editors look for it.
		fmt.Fprintf(stderr, "\n%s\n", err)
		return 1
	}
	if err := json.NewEncoder(stdout).Encode(response{Files: files}); err != nil {
		fmt.Fprintf(stderr, "\nwrite the answer to sqlc: %v\n", err)
		return 1
	}
	return 0
}

func generate(stdin io.Reader, gates []Gate) ([]File, error) {
	req, err := ReadRequest(stdin)
	if err != nil {
		return nil, err
	}
	opts, err := req.Options()
	if err != nil {
		return nil, err
	}
	if req.Settings.Engine != "postgresql" {
		return nil, fmt.Errorf("engine %q is not supported (Watertight keeps tenants apart in Postgres only)", req.Settings.Engine)
	}
	if err := pass(req, opts, gates); err != nil {
		return nil, err
	}
	src, err := DBFile(req, opts)
	if err != nil {
		return nil, err
	}
	return []File{{Name: DBFileName, Contents: src}}, nil
}

// findingsError is the refusal of one or more gates.
type findingsError []Finding

func (e findingsError) Error() string {
	lines := make([]string, 0, len(e)+1)
	for _, f := range e {
		lines = append(lines, f.String())
	}
	return strings.Join(append(lines, "no file was written"), "\n")
}

func pass(req *Request, opts Options, gates []Gate) error {
	var all findingsError
	for _, gate := range gates {
		found, err := gate(req, opts)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	if len(all) > 0 {
		return all
	}
	return nil
}
