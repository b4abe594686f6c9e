//go:build unix

package figures

import (
	"syscall"
	"time"
)

// Client is the CPU time that this process has used so far.
func Client() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
