//go:build !unix

package figures

import "time"

// Client is the CPU time that this process has used so far.
func Client() (time.Duration, error) { return 0, ErrUnknown }
