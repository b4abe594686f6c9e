package files

import "time"

// SetClock lets a test choose the time.
func SetClock(s *Store, now func() time.Time) { s.now = now }
