package figures

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrUnknown: this system does not say what a process has used.
var ErrUnknown = errors.New("the use of other processes is not known here (run on Linux, beside the server)")

// Server adds up the CPU time that processes have used so far, such as the
// backends of a pool.
func Server(pids []uint32) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		used, err := process(filepath.Join("/proc", strconv.FormatUint(uint64(pid), 10)))
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// process reads the scheduler's own account, which is exact to a nanosecond, or
// else the one in clock ticks. A backend is one thread, so that is all of it.
func process(dir string) (time.Duration, error) {
	if text, err := os.ReadFile(filepath.Join(dir, "schedstat")); err == nil {
		return schedstat(string(text))
	}
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, ErrUnknown
	}
	return stat(string(text))
}

func schedstat(text string) (time.Duration, error) {
	first, _, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read schedstat: %w", err)
	}
	return time.Duration(n), nil
}

// tick is what Linux shows to programs, whatever it counts in itself.
const tick = 10 * time.Millisecond

func stat(text string) (time.Duration, error) {
	// The name of the program stands in parentheses and may hold any character.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("read stat: too few fields")
	}
	var sum time.Duration
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read stat: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// Resident is how much memory processes hold that no other process shares, in
// bytes: of a backend not the server's shared buffers.
func Resident(pids []uint32) (int64, error) {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.FormatUint(uint64(pid), 10), "status"))
		if err != nil {
			return 0, ErrUnknown
		}
		own, err := anonymous(string(text))
		if err != nil {
			return 0, err
		}
		sum += own
	}
	return sum, nil
}

func anonymous(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("read status: no RssAnon")
}
