package pgtest

import (
	"context"
	"net/url"
	"os"
)

// fromURL uses the server that DATABASE_URL names.
func fromURL(ctx context.Context, cfg Config) (*Server, []attempt) {
	const way = "DATABASE_URL"
	text := os.Getenv("DATABASE_URL")
	if text == "" {
		return nil, []attempt{{way, "not set"}}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, []attempt{{way, "is not a URL (write postgres://USER:PASSWORD@HOST:PORT/DATABASE)"}}
	}
	s, err := newServer(ctx, u)
	if err != nil {
		return nil, []attempt{{way, err.Error()}}
	}
	s.source = "PostgreSQL " + s.fullVersion + " that DATABASE_URL names"
	return s, nil
}
