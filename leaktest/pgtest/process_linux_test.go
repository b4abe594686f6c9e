package pgtest

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onEndingThread runs fn on a thread that ends with it. The process's first
// thread never ends, so fn does not run there.
func onEndingThread(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if syscall.Gettid() == syscall.Getpid() {
			onEndingThread(fn)
			runtime.UnlockOSThread()
			return
		}
		fn()
	}()
	<-done
}

// The parent-death signal comes when the starting thread ends. A thread that a
// caller's goroutine takes with it must not take the server, too.
func TestServerOutlivesTheCallersThread(t *testing.T) {
	t.Parallel()
	var s *Server
	var attempts []attempt
	onEndingThread(func() { s, attempts = defaultLookup().start(context.Background(), Config{}) })
	if s == nil {
		missing(t, &NotFoundError{attempts: attempts})
	}
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	for range 20 { // the end of a thread has no event to wait for
		time.Sleep(20 * time.Millisecond)
		_, err := s.admin.Exec(t.Context(), "select 1")
		require.NoError(t, err)
	}
}
