package pgtest

import (
	"os"
	"path/filepath"
)

// cacheDir is where fetched server programs are kept between runs. Root's is
// not under /root, where the server's user could not reach it.
func cacheDir() string {
	if dir := os.Getenv("WATERTIGHT_PG_CACHE"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/cache/watertight/postgres"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "watertight", "postgres")
}
