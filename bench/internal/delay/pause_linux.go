package delay

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernelTimer is a timer of the kernel, read like a file. The runtime's own
// timers wait for whole milliseconds in a process that is idle otherwise, which
// half a round trip of 500 µs cannot bear.
type kernelTimer struct {
	file *os.File
	fd   int
	fire [8]byte
}

func newPauser() (pauser, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &kernelTimer{file: os.NewFile(uintptr(fd), "timer"), fd: fd}, nil
}

func (t *kernelTimer) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	if err := unix.TimerfdSettime(t.fd, 0, &spec, nil); err != nil {
		time.Sleep(d)
		return
	}
	if _, err := t.file.Read(t.fire[:]); err != nil {
		time.Sleep(d)
	}
}

func (t *kernelTimer) Close() error { return t.file.Close() }
