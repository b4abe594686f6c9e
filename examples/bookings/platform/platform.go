// Package platform is what an operator sets up once, and what no handler of the
// service holds: the database with its roles, the keys, and the customers.
//
// Each duty has a login of its own: the application, the operator who makes
// customers, support, the exporter of whole tenants, and the sealer of the log.
package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/support"
)

// version stands in every event of the log.
const version = "bookings 1.0"

// Config of [Start]. The zero value is right for everything but tests.
type Config struct {
	// Database to work in, with SchemaSQL. Defaults to one on a server that is
	// started for it.
	Database *pgtest.Database

	// WeakPasswordHashes makes sign-ins cheap, for tests.
	WeakPasswordHashes bool
}

// Platform is a running service without its face.
type Platform struct {
	Database *pgtest.Database
	DB       *tenancy.DB // the application's
	Support  *tenancy.DB // the support desk's

	Service  *service.Bookings
	Entrance *service.Entrance
	Files    *files.Store
	Ring     *crypto.Ring
	Hasher   *crypto.Hasher

	Customers []*Customer
	Staff     []*Staff

	operator *crosstenant.DB
	kek      *crypto.FileKEK
	dir      string // of keys and files
	closers  []func() error
}

// Start makes a database and everything that works on it. The caller stops it.
func Start(ctx context.Context, cfg Config) (_ *Platform, err error) {
	p := &Platform{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	for _, step := range []struct {
		what string
		do   func(context.Context, Config) error
	}{
		{"start Postgres", p.startDatabase},
		{"make a folder for keys and files", p.makeFolder},
		{"open the database", p.openApplication},
		{"open the operator's connection", p.openOperator},
		{"open the support desk", p.openSupport},
		{"set the keys up", p.openKeys},
		{"set sign-in up", p.openEntrance},
		{"start sealing the log", p.startSealer},
		{"put the service together", p.openService},
		{"add the customers", p.addCustomers},
	} {
		if err := step.do(ctx, cfg); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return p, nil
}

// Stop takes down what was started, as far as it was, the last first.
func (p *Platform) Stop() error {
	var err error
	for i := len(p.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, p.closers[i]())
	}
	p.closers = nil
	return err
}

// atStop registers what ends something.
func (p *Platform) atStop(end func()) {
	p.closers = append(p.closers, func() error { end(); return nil })
}

func (p *Platform) startDatabase(ctx context.Context, c Config) error {
	if c.Database != nil {
		p.Database = c.Database
		return nil
	}
	cfg := pgtest.Config{Setup: []string{SchemaSQL}}
	server, err := pgtest.Start(ctx, cfg)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, server.Stop)
	if p.Database, err = server.CreateDatabase(ctx, "", cfg); err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { return p.Database.Drop(context.Background()) })
	return nil
}

func (p *Platform) makeFolder(context.Context, Config) (err error) {
	if p.dir, err = os.MkdirTemp("", "bookings-"); err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { return os.RemoveAll(p.dir) })
	return nil
}

// openApplication connects as the application, whose refusals stand in the log
// of the tenant that was asked for.
func (p *Platform) openApplication(ctx context.Context, _ Config) (err error) {
	refusals := &audit.Refusals{}
	p.DB, err = tenancy.Open(ctx, p.Database.AppURL, tenancy.Config{
		Key: p.Database.Key, Registry: accounts.Registry{}, Version: version,
		Refused: refusals.Record, MaxConns: 8,
	})
	if err != nil {
		return err
	}
	refusals.Use(p.DB)
	p.atStop(p.DB.Close)
	return nil
}

func (p *Platform) openOperator(ctx context.Context, _ Config) error {
	cfg := crosstenant.Config{Key: p.Database.Key, MaxConns: 1, Version: version}
	recorder, err := audit.OpenRecorder(ctx, p.Database.SystemURL, cfg)
	if err != nil {
		return err
	}
	p.atStop(recorder.Close)
	cfg.Record = recorder
	if p.operator, err = crosstenant.Open(ctx, p.Database.SystemURL, cfg); err != nil {
		return err
	}
	p.atStop(p.operator.Close)
	return nil
}

func (p *Platform) openSupport(ctx context.Context, _ Config) error {
	_, address, err := p.Database.NewLogin(ctx, "in role watertight_support")
	if err != nil {
		return err
	}
	if p.Support, err = support.Open(ctx, address, support.Config{Key: p.Database.Key, Version: version, MaxConns: 2}); err != nil {
		return err
	}
	p.atStop(p.Support.Close)
	return nil
}

// startSealer appends what happens to the tree of each tenant's log, beside
// everything else. A real service runs "watertight audit seal" on another
// machine, with an anchor that the database's administrator cannot write to.
func (p *Platform) startSealer(ctx context.Context, _ Config) error {
	key, _, err := audit.NewSigningKey("log.bookings.example")
	if err != nil {
		return err
	}
	_, address, err := p.Database.NewLogin(ctx, "in role watertight_sealer")
	if err != nil {
		return err
	}
	sealer, err := audit.OpenSealer(ctx, address, audit.SealerConfig{Keys: []audit.SigningKey{key}})
	if err != nil {
		return err
	}
	p.atStop(sealer.Close)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { _ = sealer.Run(running) })
	p.atStop(func() { stop(); done.Wait() })
	return nil
}

func (p *Platform) openService(ctx context.Context, _ Config) error {
	_, address, err := p.Database.NewLogin(ctx, "in role watertight_lifecycle")
	if err != nil {
		return err
	}
	exporter, err := lifecycle.Open(ctx, address, lifecycle.Config{
		Key: p.Database.Key, Version: version, Files: lifecycle.Dir(p.filesDir()),
	})
	if err != nil {
		return err
	}
	p.atStop(exporter.Close)
	if err := p.openFiles(); err != nil {
		return err
	}
	p.Service, err = service.New(service.Config{
		DB: p.DB, Ring: p.Ring, SignIn: p.Entrance.Passwords, Files: p.Files,
		Source: pretendCalendar{}, Exporter: exporter,
	})
	return err
}

func (p *Platform) openFiles() error {
	bucket, err := files.OpenDir(p.filesDir())
	if err != nil {
		return err
	}
	p.closers = append(p.closers, bucket.Close)
	p.Files, err = files.New(files.Config{
		DB: p.DB, Ring: p.Ring, Bucket: bucket, MaxSize: service.MaxFile,
		LinkKeys: []files.LinkKey{{ID: "1", Key: newSecret()}},
	})
	return err
}

func (p *Platform) filesDir() string { return filepath.Join(p.dir, "files") }
