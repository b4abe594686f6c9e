package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func devCommand() *command {
	return &command{
		name:    "dev",
		summary: "run a program on a Postgres of its own, with two customers",
		usage:   "[-c watertight.yaml] [-- COMMAND [ARGUMENT...]]",
		help: `dev takes the Postgres that it finds, makes a database there with Watertight's schema
and the one of watertight.yaml, two customers with a person each, and runs the
command with these in its environment:

  DATABASE_URL            the database, as the application's role
  WATERTIGHT_CONTEXT_KEY  the key that signs tenant contexts
  TENANT_ID, USER_ID      the first customer, and who works there
  OTHER_TENANT_ID         the second customer, where that person is not registered

The database goes when the command ends. Without a command, dev prints the
variables and keeps the database until it is stopped. DATABASE_URL may name the
server to use, as an administrator; else programs of this machine, Docker, or a
download.`,
		example: `  watertight dev -- go run .
  watertight dev -c config/watertight.yaml -- ./shop -serve
  watertight dev                         # in another shell: export what it prints`,
		run: runDev,
	}
}

func runDev(ctx context.Context, c *call) error {
	fs := c.flagSet()
	config := fs.String("c", "watertight.yaml", "`FILE` that says what the schema is")
	command, err := c.parse(fs, 0, maxArguments)
	if err != nil {
		return err
	}
	cfg, err := readProveConfig(*config, func(string) string { return "" })
	if err != nil {
		return err
	}
	d, err := startDev(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stderr, "PostgreSQL %d, %s\n", d.server.Version(), d.server.Source())
	if len(command) == 0 {
		err = d.wait(ctx, c.stdout)
	} else {
		err = d.run(ctx, c, command)
	}
	return errors.Join(err, d.stop())
}

// devGrace is how long a command may take to end after it was interrupted.
const devGrace = 10 * time.Second

// dev is a database to develop with.
type dev struct {
	server   *pgtest.Server
	database *pgtest.Database
	tenants  [2]tenancy.ID
	users    [2]uuid.UUID
}

func startDev(ctx context.Context, cfg *proveConfig) (_ *dev, err error) {
	if !cfg.installs() {
		return nil, fmt.Errorf("%s installs no Watertight, so there is no tenant to make (set watertight: true)", cfg.path)
	}
	scripts, err := cfg.scripts()
	if err != nil {
		return nil, err
	}
	var setup []string
	for _, s := range scripts {
		setup = append(setup, s.sql)
	}
	d := &dev{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	if d.server, err = pgtest.Start(ctx, pgtest.Config{}); err != nil {
		return nil, err
	}
	if d.database, err = d.server.CreateDatabase(ctx, "", pgtest.Config{Setup: setup}); err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	return d, d.addCustomers(ctx)
}

// addCustomers makes two tenants, each with a person of its own.
func (d *dev) addCustomers(ctx context.Context) error {
	system, err := crosstenant.Open(ctx, d.database.SystemURL, crosstenant.Config{
		Key: d.database.Key, MaxConns: 1, Record: crosstenant.Log(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer system.Close()
	operator := tenancy.Actor{Email: "dev@watertight.example"}
	return system.Run(ctx, operator, "watertight dev", func(ctx context.Context, conn *crosstenant.Conn) error {
		for i, c := range []struct{ name, owner string }{{"Northwind Dental", "anna@northwind.example"}, {"Harbour Studio", "ben@harbour.example"}} {
			if d.tenants[i], d.users[i], err = accounts.CreateTenant(ctx, conn, c.name, accounts.Owner{Email: c.owner}); err != nil {
				return err
			}
		}
		return nil
	})
}

// environment is what a program needs to work as the first customer's person.
func (d *dev) environment() []string {
	return []string{
		"DATABASE_URL=" + d.database.AppURL,
		envContextKey + "=" + d.database.Key.Encode(),
		"TENANT_ID=" + d.tenants[0].String(),
		"USER_ID=" + d.users[0].String(),
		"OTHER_TENANT_ID=" + d.tenants[1].String(),
	}
}

// run runs the command until it ends, or is told to by the end of ctx.
func (d *dev) run(ctx context.Context, c *call, command []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = slices.Concat(os.Environ(), d.environment())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, file(c.stdout), c.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = devGrace
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if ctx.Err() != nil {
			return nil // it was stopped, as asked
		}
		return fmt.Errorf("%s ended with %s", command[0], exit)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w", command[0], err)
	}
	return nil
}

// wait prints the environment for a shell and keeps the database.
func (d *dev) wait(ctx context.Context, w io.Writer) error {
	for _, variable := range d.environment() {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(w, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	<-ctx.Done()
	return nil
}

// stop takes down what was started, as far as it was.
func (d *dev) stop() error {
	if d.server == nil {
		return nil
	}
	var err error
	if d.database != nil {
		err = d.database.Drop(context.Background())
	}
	return errors.Join(err, d.server.Stop())
}
