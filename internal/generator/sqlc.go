package generator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// SqlcVersion is the version of sqlc whose output and plugin requests this
// package knows. tools/go.mod has the same one; a test compares them.
const SqlcVersion = "v1.31.1"

const sqlcPackage = "github.com/sqlc-dev/sqlc/cmd/sqlc"

// findSqlc returns the command line that runs sqlc. dir is the folder of the
// configuration; named is the program the caller insists on, or "".
func findSqlc(ctx context.Context, dir, named string) ([]string, error) {
	if named != "" {
		if v, err := sqlcVersion(ctx, named); err != nil {
			return nil, fmt.Errorf("%s cannot run: %w (name a sqlc %s)", named, err, SqlcVersion)
		} else if v != SqlcVersion {
			return nil, fmt.Errorf("%s is sqlc %s, which may write other code (name a sqlc %s, or leave it out)", named, v, SqlcVersion)
		}
		return []string{named}, nil
	}
	candidates := []func() string{
		func() string { return toolOf(ctx, toolsModule(dir)) },
		func() string { return toolOf(ctx, dir) },
		func() string { p, _ := exec.LookPath("sqlc"); return p },
	}
	for _, candidate := range candidates {
		if p := candidate(); p != "" {
			if v, err := sqlcVersion(ctx, p); err == nil && v == SqlcVersion {
				return []string{p}, nil
			}
		}
	}
	return downloaded(ctx)
}

// downloaded returns the command line with which the go command downloads,
// builds, keeps, and runs sqlc.
func downloaded(ctx context.Context) ([]string, error) {
	run := []string{"go", "run", sqlcPackage + "@" + SqlcVersion}
	// The go command exits with 1 both when it cannot build a program and when
	// the program does, so the difference is made here.
	if v, err := sqlcVersion(ctx, run...); err != nil || v != SqlcVersion {
		return nil, fmt.Errorf("sqlc %s is not installed and cannot be downloaded: %w (go install %s@%s where there is a network, or name the program with --sqlc)", SqlcVersion, err, sqlcPackage, SqlcVersion)
	}
	return run, nil
}

// toolsModule returns the nearest folder named tools, at dir or above, whose
// go.mod has sqlc as a tool, or "".
func toolsModule(dir string) string {
	for {
		src, err := os.ReadFile(filepath.Join(dir, "tools", "go.mod"))
		if err == nil && bytes.Contains(src, []byte(sqlcPackage)) {
			return filepath.Join(dir, "tools")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// toolOf returns the sqlc that is a tool of the module around dir, built if
// need be, or "".
func toolOf(ctx context.Context, dir string) string {
	if dir == "" {
		return ""
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "sqlc")
	cmd.Dir = dir
	// A workspace that leaves the tools' module out would refuse it.
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func sqlcVersion(ctx context.Context, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], append(slices.Clone(command[1:]), "version")...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return strings.TrimSpace(string(out)), err
}

// runSqlc generates into the folder of configPath and returns the messages.
// dir is the folder of the original configuration.
func runSqlc(ctx context.Context, plugin string, sqlc []string, dir, configPath string) ([]byte, error) {
	bin, err := os.MkdirTemp("", "watertight-plugin-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(bin)
	if err := link(plugin, bin); err != nil {
		return nil, err
	}
	args := append(slices.Clone(sqlc[1:]), "generate", "--no-remote", "-f", configPath)
	cmd := exec.CommandContext(ctx, sqlc[0], args...)
	// In the user's folder, not the temporary one: the plugin looks for the
	// line of a query there.
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	messages, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		err = ErrRefused
	}
	return messages, err
}

// withoutRepeats removes what sqlc says twice: it parses schema and queries once
// for its own generator and once for the plugin, and heads each part with
// "# package".
func withoutRepeats(messages []byte) []byte {
	const head = "# package "
	seen, kept := map[string]bool{}, []byte{}
	for part := range bytes.SplitSeq(messages, []byte(head)) {
		_, body, _ := bytes.Cut(part, []byte("\n"))
		if len(part) == 0 || seen[string(body)] {
			continue
		}
		seen[string(body)] = true
		if len(kept) > 0 || bytes.HasPrefix(messages, []byte(head)) {
			kept = append(kept, head...)
		}
		kept = append(kept, part...)
	}
	return kept
}

// link makes the program at plugin known to sqlc, which takes neither a path
// with arguments nor a folder that is not on the PATH.
func link(plugin, dir string) error {
	name := filepath.Join(dir, PluginCommand)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Symlink(plugin, name); err == nil {
		return nil
	}
	// Windows allows links to some accounts only.
	src, err := os.ReadFile(plugin)
	if err != nil {
		return err
	}
	return os.WriteFile(name, src, 0o755)
}
