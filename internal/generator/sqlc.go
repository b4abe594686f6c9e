package generator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// findSqlc returns the path of sqlc. dir is the folder of the configuration;
// named is the program the caller insists on, or "". If there is none it is
// built, which notify is told before.
func findSqlc(ctx context.Context, dir, named string, notify io.Writer) (string, error) {
	if named != "" {
		if v, err := sqlcVersion(ctx, named); err != nil {
			return "", fmt.Errorf("%s cannot run: %w (name a sqlc %s)", named, err, SqlcVersion)
		} else if v != SqlcVersion {
			return "", fmt.Errorf("%s is sqlc %s, which may write other code (name a sqlc %s, or leave it out)", named, v, SqlcVersion)
		}
		return named, nil
	}
	if p := Installed(ctx, dir); p != "" {
		return p, nil
	}
	return built(ctx, notify)
}

// Installed returns the path of a sqlc of version [SqlcVersion] that is on this
// machine, or "". dir is the folder of the configuration.
func Installed(ctx context.Context, dir string) string {
	candidates := []func() string{
		func() string { return toolOf(ctx, toolsModule(dir)) },
		func() string { return toolOf(ctx, dir) },
		func() string { p, _ := exec.LookPath("sqlc"); return p },
		func() string { return filepath.Join(cacheDir(), program("sqlc")) },
	}
	for _, candidate := range candidates {
		if p := candidate(); p != "" {
			if v, err := sqlcVersion(ctx, p); err == nil && v == SqlcVersion {
				return p
			}
		}
	}
	return ""
}

// cacheDir is where this package keeps the sqlc that it built. It is empty for
// an account without a home.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "watertight", "sqlc-"+SqlcVersion)
}

// built downloads and builds sqlc with the go command, once.
func built(ctx context.Context, notify io.Writer) (string, error) {
	dir := cacheDir()
	if dir == "" {
		return "", fmt.Errorf("sqlc %s is not installed and there is no home to keep it in (go install %s@%s, and put it on the PATH)", SqlcVersion, sqlcPackage, SqlcVersion)
	}
	fmt.Fprintf(notify, "building sqlc %s into %s; this happens once and takes some minutes\n", SqlcVersion, dir)
	cmd := exec.CommandContext(ctx, "go", "install", sqlcPackage+"@"+SqlcVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS="+flagsWithoutModule(os.Getenv("GOFLAGS")))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("sqlc %s is not installed and cannot be built: %w: %s (go install %s@%s where there is a network, or name the program with --sqlc)",
			SqlcVersion, err, bytes.TrimSpace(out), sqlcPackage, SqlcVersion)
	}
	return filepath.Join(dir, program("sqlc")), nil
}

// flagsWithoutModule takes out the flags that are about the caller's module:
// sqlc is built by its own go.mod.
func flagsWithoutModule(flags string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(flags), func(f string) bool {
		return strings.HasPrefix(strings.TrimLeft(f, "-"), "mod")
	}), " ")
}

// program returns the name of the file that holds a program.
func program(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
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

func sqlcVersion(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return strings.TrimSpace(string(out)), err
}

// runSqlc generates into the folder of configPath and returns the messages.
// dir is the folder of the original configuration.
func runSqlc(ctx context.Context, plugin, sqlc, dir, configPath string) ([]byte, error) {
	bin, err := os.MkdirTemp("", "watertight-plugin-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(bin)
	if err := link(plugin, bin); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, sqlc, "generate", "--no-remote", "-f", configPath)
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
	name := filepath.Join(dir, program(PluginCommand))
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
