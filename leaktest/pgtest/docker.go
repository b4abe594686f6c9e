package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

const (
	// newest is what a container or a download brings when any version will do.
	newest = 18
	// stopWait bounds the end of a container, in which nothing is worth saving.
	stopWait = time.Second
)

// fromDocker starts a container. Should this process be killed, testcontainers'
// reaper container removes it.
func fromDocker(ctx context.Context, cfg Config) (*Server, []attempt) {
	const way = "Docker"
	version := cfg.Version
	if version == 0 {
		version = newest
	}
	s, err := startContainer(ctx, cfg, fmt.Sprintf("postgres:%d-alpine", version))
	if err != nil {
		return nil, []attempt{{way, err.Error()}}
	}
	return s, nil
}

func startContainer(ctx context.Context, cfg Config, image string) (*Server, error) {
	command := []string{"postgres"}
	for _, setting := range cfg.settings() {
		if setting != onlyLoopback { // which is the container's own
			command = append(command, "-c", setting)
		}
	}
	place := map[string]string{}
	if !cfg.OnDisk {
		place["/memory"] = "rw"
	}
	container, err := postgres.Run(ctx, image,
		postgres.WithDatabase("postgres"), postgres.WithUsername("postgres"), postgres.WithPassword(rand.Text()),
		postgres.BasicWaitStrategies(),
		testcontainers.WithCmd(command...),
		// Memory, at a place of our own: the image declares its usual one a volume.
		testcontainers.WithTmpfs(place),
		testcontainers.WithEnv(map[string]string{"PGDATA": "/memory/data"}),
		testcontainers.WithLogger(log.New(io.Discard, "", 0)))
	halt := func() error {
		return testcontainers.TerminateContainer(container, testcontainers.StopTimeout(stopWait))
	}
	if err != nil {
		return nil, errors.Join(err, halt())
	}
	address, err := container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, errors.Join(err, halt())
	}
	base, err := url.Parse(address)
	if err != nil {
		return nil, errors.Join(errors.New("testcontainers gave no URL"), halt())
	}
	s, err := newServer(ctx, base)
	if err != nil {
		return nil, errors.Join(err, halt())
	}
	s.owned = true
	s.halt = halt
	s.keep = func() error { return errors.New("a container does not outlive its tests") }
	s.source = fmt.Sprintf("PostgreSQL %s in a container of %s", s.fullVersion, image)
	return s, nil
}
