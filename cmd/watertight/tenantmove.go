package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/watertight-go/watertight/lifecycle"
)

func tenantPlace() *command {
	return &command{
		name: "tenant place", summary: "say where a tenant is kept", usage: "[URL] --tenant ID --at PLACE --by EMAIL",
		help:    "place writes the first placement of a tenant into the directory. It moves nothing.\nURL is of the home database.",
		example: "  watertight tenant place --tenant ID --at eu-central --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			at := fs.String("at", "", "`PLACE`: a-z, 0-9 and -")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			t, err := k.id()
			if err != nil {
				return err
			}
			db, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer db.Close()
			return db.SetPlace(ctx, k.actor(), t, *at)
		},
	}
}

// placesFlags tell where the places are.
type placesFlags struct {
	urls   pairs
	stores pairs
	opened map[string]*lifecycle.DB
}

func (p *placesFlags) add(fs *flag.FlagSet) {
	p.urls, p.stores, p.opened = pairs{}, pairs{}, map[string]*lifecycle.DB{}
	fs.Var(p.urls, "place", "`PLACE=URL` of a member of watertight_lifecycle there; may be repeated")
	fs.Var(p.stores, "place-files", "`PLACE=DIR` of the files there; may be repeated")
}

// at opens a place. All places have the context key of the environment.
func (p *placesFlags) at(k *tenantCall) func(context.Context, string) (*lifecycle.DB, error) {
	return func(ctx context.Context, place string) (*lifecycle.DB, error) {
		if db := p.opened[place]; db != nil {
			return db, nil
		}
		url := p.urls[place]
		if url == "" {
			return nil, usageError{fmt.Sprintf("the place %s has no database (--place %s=URL)", place, place)}
		}
		there := *k
		there.store = p.stores[place]
		db, err := there.lifeAt(ctx, url)
		if err == nil {
			p.opened[place] = db
		}
		return db, err
	}
}

func (p *placesFlags) close() {
	for _, db := range p.opened {
		db.Close()
	}
}

func tenantMove() *command {
	return moveAction("move", "take a tenant to another region or cluster", "[URL] --tenant ID --to PLACE --place A=URL --place B=URL --by EMAIL",
		`move closes a tenant, copies it, switches the directory, opens it at the new place and
erases it at the old one. Whoever works in it meanwhile is told to try again; what was
written before arrives. It may be stopped and run again: it goes on. URL is of the home
database, which has the directory.`, true,
		func(ctx context.Context, k *tenantCall, home *lifecycle.DB, to string, cfg lifecycle.MoveConfig) error {
			t, err := k.id()
			if err != nil {
				return err
			}
			return home.Move(ctx, k.actor(), t, to, cfg)
		})
}

func tenantCancelMove() *command {
	return moveAction("cancel-move", "take a move back that was stopped", "[URL] --tenant ID --place A=URL --place B=URL --by EMAIL",
		"cancel-move opens a tenant again where it was, and erases the copy. After the directory\nwas switched it is too late: run the move again, then move back.", false,
		func(ctx context.Context, k *tenantCall, home *lifecycle.DB, _ string, cfg lifecycle.MoveConfig) error {
			t, err := k.id()
			if err != nil {
				return err
			}
			return home.CancelMove(ctx, k.actor(), t, cfg)
		})
}

func moveAction(name, summary, usage, help string, wantsTo bool, run func(context.Context, *tenantCall, *lifecycle.DB, string, lifecycle.MoveConfig) error) *command {
	return &command{
		name: "tenant " + name, summary: summary, usage: usage, help: help,
		example: "  watertight tenant " + name + " --tenant ID --place eu=postgres://… --place us=postgres://… --by anna@example.com",
		run: func(ctx context.Context, c *call) error {
			k := &tenantCall{call: c}
			fs := k.flags()
			var p placesFlags
			p.add(fs)
			to := ""
			if wantsTo {
				fs.StringVar(&to, "to", "", "`PLACE` where it goes")
			}
			fs.Var(&k.kek, "kek", "`FILE` or URL of the KEK; may be repeated, the first wraps and all unwrap")
			args, err := c.parse(fs, 0, 1)
			if err != nil {
				return err
			}
			if wantsTo && to == "" {
				return usageError{"move wants --to PLACE"}
			}
			if _, err := k.id(); err != nil {
				return err
			}
			ring, err := k.ring(ctx)
			if err != nil {
				return err
			}
			home, err := k.life(ctx, args)
			if err != nil {
				return err
			}
			defer home.Close()
			defer p.close()
			err = run(ctx, k, home, to, lifecycle.MoveConfig{At: p.at(k), Ring: ring, Progress: k.tell()})
			c.progressDone()
			return err
		},
	}
}
