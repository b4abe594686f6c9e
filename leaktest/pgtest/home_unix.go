//go:build unix

package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// fits says why a home cannot be in base: too little room, a socket path that
// is too long, or a parent that the server's user cannot pass.
func fits(base string, as *user) error {
	info, err := os.Stat(base)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", base)
	}
	if free := freeBytes(base); free < roomNeeded {
		return fmt.Errorf("%s has %d MB left, a server needs %d", base, free>>20, roomNeeded>>20)
	}
	if n := len(base) + len("/"+homePrefix+"1234567890/s/.s.PGSQL.65535"); n > socketMax {
		return fmt.Errorf("%s makes socket paths of %d bytes, the limit is %d", base, n, socketMax)
	}
	return reachable(base, as)
}

// reachable checks that the user may pass every folder on the way to path: as
// root we see into /root, the server's user does not.
func reachable(path string, as *user) error {
	if as == nil {
		return nil
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !mayPass(info, as) {
			return fmt.Errorf("%s is closed to the user %s", dir, as)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func mayPass(info os.FileInfo, as *user) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode().Perm(); {
	case ok && stat.Uid == as.uid:
		return mode&0o100 != 0
	case ok && stat.Gid == as.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
