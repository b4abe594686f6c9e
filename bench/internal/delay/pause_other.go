//go:build !linux

package delay

import "time"

// runtimeTimer is exact to a millisecond or so: the short round trips come out
// longer than asked for. The report says what they were.
type runtimeTimer struct{}

func newPauser() (pauser, error) { return runtimeTimer{}, nil }

func (runtimeTimer) pause(d time.Duration) { time.Sleep(d) }

func (runtimeTimer) Close() error { return nil }
