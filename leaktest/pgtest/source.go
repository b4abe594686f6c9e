package pgtest

import (
	"context"
	"fmt"
	"strings"
)

// An attempt is one way to a server that did not work, and why.
type attempt struct {
	way string
	why string
}

// NotFoundError says that no way led to a server. Its text names each way, why
// it failed, and what to install.
type NotFoundError struct {
	cfg      Config
	attempts []attempt
}

// Error lists every attempt, one to a line.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no %s for tests; tried in this order:\n", e.cfg.wanted())
	for i, a := range e.attempts {
		why := strings.ReplaceAll(strings.TrimSpace(a.why), "\n", "\n       ")
		fmt.Fprintf(&b, "  %d. %s: %s\n", i+1, a.way, why)
	}
	b.WriteString("(do one of these:\n")
	b.WriteString(e.remedies())
	b.WriteString(`
   any, with Docker   start the Docker daemon
   a server you have  DATABASE_URL=postgres://postgres:PASSWORD@localhost:5432/postgres, a superuser,
                      on a server that may be filled with test databases)`)
	return b.String()
}

// remedies are the ways to install a server of the wanted version.
func (e *NotFoundError) remedies() string {
	if version := e.cfg.Version; version != 0 {
		lines := fmt.Sprintf("   packages           PostgreSQL %d from postgresql.org/download", version)
		if version > oldest { // the packages begin with 16
			lines += fmt.Sprintf("\n   any, with npm      .ci/install-postgres %d", version)
		}
		return lines
	}
	return `   Debian, Ubuntu     apt-get install postgresql
   Fedora, RHEL       dnf install postgresql-server
   Alpine             apk add postgresql
   macOS              brew install postgresql@17
   any, with npm      .ci/install-postgres 17`
}

// A source is one way to a server. A nil server with attempts means that the
// way is closed, which is no reason to stop looking.
type source func(ctx context.Context, cfg Config) (*Server, []attempt)

// sources is the order in which the ways are tried: what somebody asked for,
// what costs nothing, what costs a container, what costs a download.
func sources() []source {
	return []source{fromURL, fromInstalled, fromDocker, fromDownload}
}

// find returns the first server that one of the ways leads to.
func find(ctx context.Context, cfg Config, ways []source) (*Server, error) {
	notFound := &NotFoundError{cfg: cfg}
	for _, way := range ways {
		server, attempts := way(ctx, cfg)
		if server != nil {
			return server, nil
		}
		notFound.attempts = append(notFound.attempts, attempts...)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%w while looking for a server: %w", err, notFound)
		}
	}
	return nil, notFound
}
