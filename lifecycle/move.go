package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// MoveConfig of [DB.Move]. At is required.
type MoveConfig struct {
	// At returns the database of a place. Whoever opened it closes it.
	At func(ctx context.Context, place string) (*DB, error)

	// Ring wraps the tenant's data keys for the new place, see ImportConfig.
	Ring *crypto.Ring

	// Backups is how long the old place keeps backups, for its ledger.
	Backups time.Duration

	// Progress, if not nil, is called now and then, from the same goroutine.
	Progress func(Progress)
}

// What a move can meet.
var (
	ErrNoPlacement = errors.New("the tenant has no placement (set one with watertight tenant place)")
	ErrNotMoving   = errors.New("no move of the tenant is under way")
	ErrSwitched    = errors.New("the tenant is at its new place already (run the move again to finish it, then move it back)")
)

// move is a line of the directory.
type move struct {
	place         string
	to, step, was *string
	from          *string

	home, source, target *DB
	actor                tenancy.Actor
	tenant               tenancy.ID
	cfg                  MoveConfig
}

// SetPlace says where a tenant is that was made there. It moves nothing.
func (db *DB) SetPlace(ctx context.Context, a tenancy.Actor, t tenancy.ID, place string) error {
	return db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		tag, err := c.Exec(ctx, "insert into watertight.placement (tenant, place) values ($1, $2) on conflict (tenant) do nothing", t, place)
		if err != nil {
			return fmt.Errorf("write the directory: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return errors.New("the tenant has a placement already (watertight tenant move changes it)")
		}
		return nil
	})
}

// Move takes a tenant from the place where it is to another one: closes it,
// copies it, switches the directory, opens it there, and erases it at the old
// place. db is the home database, which has the directory. From the first step
// to the switch everybody who works in the tenant gets [tenancy.ErrMoving];
// what was written before is waited for, so no write is lost.
//
// A move that was ended, by a crash for instance, goes on when it is run again.
// One that fails before the switch opens the tenant again where it was.
func (db *DB) Move(ctx context.Context, a tenancy.Actor, t tenancy.ID, to string, cfg MoveConfig) error {
	m := &move{home: db, actor: a, tenant: t, cfg: cfg}
	if err := m.load(ctx); err != nil {
		return err
	}
	if m.step == nil {
		if m.place == to {
			return nil
		}
		if err := m.begin(ctx, to); err != nil {
			return err
		}
	} else if *m.step != "switched" && *m.to != to {
		return fmt.Errorf("the tenant is on its way to %s (finish that, or take it back)", *m.to)
	}
	if *m.step != "switched" {
		err := m.beforeSwitch(ctx)
		if err != nil && !errors.Is(err, errFault) {
			return errors.Join(err, m.home.CancelMove(context.WithoutCancel(ctx), a, t, cfg))
		}
		if err != nil {
			return err
		}
	}
	return m.afterSwitch(ctx)
}

func (m *move) load(ctx context.Context) error {
	return m.home.write(ctx, m.actor, m.tenant, func(ctx context.Context, c *tenancy.Conn) error {
		err := c.QueryRow(ctx, "select place, moving_to, step, was, moved_from from watertight.placement where tenant = $1", m.tenant).
			Scan(&m.place, &m.to, &m.step, &m.was, &m.from)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("%w: %s", ErrNoPlacement, m.tenant)
		}
		if err != nil {
			return fmt.Errorf("read the directory: %w", err)
		}
		return nil
	})
}

// directory changes the tenant's line and records why.
func (m *move) directory(ctx context.Context, action, sql string, args ...any) error {
	err := m.home.write(ctx, m.actor, m.tenant, func(ctx context.Context, c *tenancy.Conn) error {
		tag, err := c.Exec(ctx, "update watertight.placement set "+sql+" where tenant = $1", append([]any{m.tenant}, args...)...)
		if err != nil {
			return fmt.Errorf("write the directory: %w", err)
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("%w: %s", ErrNoPlacement, m.tenant)
		}
		if action == "" {
			return nil
		}
		return note(ctx, c, action, map[string]any{"to": m.to}, false)
	})
	if err != nil {
		return err
	}
	return m.load(ctx)
}

// begin notes in the directory that the tenant is leaving, and its status, so
// that a crash after this line can be made good.
func (m *move) begin(ctx context.Context, to string) error {
	source, err := m.cfg.At(ctx, m.place)
	if err != nil {
		return err
	}
	was, err := source.Status(ctx, m.actor, m.tenant)
	if err != nil {
		return err
	}
	if was != "active" && was != "suspended" {
		return fmt.Errorf("the tenant is %s and cannot be moved", was)
	}
	if _, err := m.cfg.At(ctx, to); err != nil {
		return err
	}
	m.to = &to
	return m.directory(ctx, "watertight.moving", "moving_to = $2, step = 'closed', was = $3", to, was)
}

// ends opens both databases.
func (m *move) ends(ctx context.Context) (err error) {
	if m.source, err = m.cfg.At(ctx, m.place); err != nil {
		return err
	}
	m.target, err = m.cfg.At(ctx, *m.to)
	return err
}

// Status returns a tenant's status: active, suspended, closing or moving.
func (db *DB) Status(ctx context.Context, a tenancy.Actor, t tenancy.ID) (string, error) {
	var status string
	err := db.read(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		return c.QueryRow(ctx, "select status from watertight.tenants where id = $1", t).Scan(&status)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("%w: %s", ErrNoSuchTenant, t)
	}
	return status, err
}

// setStatus changes it, and returns the transaction that did.
func (db *DB) setStatus(ctx context.Context, a tenancy.Actor, t tenancy.ID, status string) (xid string, err error) {
	err = db.write(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
		err := c.QueryRow(ctx, "update watertight.tenants set status = $2 where id = $1 returning pg_current_xact_id()::text", t, status).Scan(&xid)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("%w: %s", ErrNoSuchTenant, t)
		}
		return err
	})
	return xid, err
}

// drain waits until every transaction that was writing when the tenant closed
// has ended.
func (db *DB) drain(ctx context.Context, a tenancy.Actor, t tenancy.ID, xid string) error {
	for {
		var over bool
		err := db.read(ctx, a, t, func(ctx context.Context, c *tenancy.Conn) error {
			return c.QueryRow(ctx, "select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8", xid).Scan(&over)
		})
		if err != nil || over {
			return err
		}
		if err := db.step("move wait"); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m *move) beforeSwitch(ctx context.Context) error {
	if err := m.ends(ctx); err != nil {
		return err
	}
	if err := m.home.step("move close"); err != nil {
		return err
	}
	xid, err := m.source.setStatus(ctx, m.actor, m.tenant, "moving")
	if err != nil {
		return err
	}
	if err := m.source.drain(ctx, m.actor, m.tenant, xid); err != nil {
		return fmt.Errorf("wait for those who were writing: %w", err)
	}
	if *m.step == "closed" {
		if err := m.home.step("move copy"); err != nil {
			return err
		}
		if err := m.copy(ctx); err != nil {
			return err
		}
		if err := m.home.step("move copied"); err != nil {
			return err
		}
		if err := m.directory(ctx, "", "step = 'copied'"); err != nil {
			return err
		}
	}
	if err := m.home.step("move switch"); err != nil {
		return err
	}
	return m.directory(ctx, "", "step = 'switched', moved_from = place, place = moving_to, moving_to = null")
}

// copy exports the tenant into a file that only this process can read, and
// imports it at the other place.
func (m *move) copy(ctx context.Context) error {
	if err := m.dropCopy(ctx); err != nil {
		return err
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("make a key for the way: %w", err)
	}
	file, err := os.CreateTemp("", "watertight-move-*.age")
	if err != nil {
		return fmt.Errorf("make a file for the way: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	out, err := m.source.Export(ctx, m.actor, m.tenant, file, ExportConfig{Recipients: []age.Recipient{identity.Recipient()}, Progress: m.cfg.Progress})
	if err != nil {
		return err
	}
	if err := m.home.step("move import"); err != nil {
		return err
	}
	_, err = m.target.Import(ctx, m.actor, io.ReadSeeker(file), ImportConfig{
		Identities: []age.Identity{identity}, Digest: out.Digest, Ring: m.cfg.Ring, Progress: m.cfg.Progress,
	})
	if err != nil {
		return err
	}
	return m.unchanged(ctx, out.Manifest)
}

// unchanged compares the source once more with what was copied. A statement
// that began before the tenant closed and wrote only now would be lost.
func (m *move) unchanged(ctx context.Context, manifest Manifest) error {
	return m.source.read(ctx, m.actor, m.tenant, func(ctx context.Context, c *tenancy.Conn) error {
		tables, err := readTables(ctx, c)
		if err != nil {
			return err
		}
		for _, t := range tables {
			for _, s := range manifest.Tables {
				if s.Name != t.Name() {
					continue
				}
				got, err := t.digest(ctx, c, m.tenant)
				if err != nil {
					return err
				}
				if got != s.SHA256 {
					return fmt.Errorf("%s was written to while the tenant was copied (run the move again)", t.Name())
				}
			}
		}
		return nil
	})
}

// dropCopy removes what an earlier run has left at the new place. The tenant
// there is closed and was never opened: the source is the only one that counts
// until the switch.
func (m *move) dropCopy(ctx context.Context) error {
	status, err := m.target.Status(ctx, m.actor, m.tenant)
	if errors.Is(err, ErrNoSuchTenant) {
		// No row speaks of them, but an import that crashed may have left files.
		if m.target.files == nil {
			return nil
		}
		return m.target.files.DeleteAll(ctx, m.tenant)
	}
	if err != nil {
		return err
	}
	if status != "moving" && status != "closing" {
		return fmt.Errorf("a tenant with this id is %s at %s already (erase it there first)", status, *m.to)
	}
	return m.target.eraseMoved(ctx, m.actor, m.tenant, m.cfg.Backups)
}

// eraseMoved erases a copy that is not, or no longer, the tenant.
func (db *DB) eraseMoved(ctx context.Context, a tenancy.Actor, t tenancy.ID, backups time.Duration) error {
	_, err := db.schedule(ctx, a, t, "move", time.Now(), ErasureConfig{Reason: "the tenant is kept elsewhere", Backups: backups})
	if errors.Is(err, ErrNoSuchTenant) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = db.Erase(ctx, a, t)
	return err
}

func (m *move) afterSwitch(ctx context.Context) error {
	target, err := m.cfg.At(ctx, m.place)
	if err != nil {
		return err
	}
	source, err := m.cfg.At(ctx, *m.from)
	if err != nil {
		return err
	}
	if err := m.home.step("move open"); err != nil {
		return err
	}
	status, err := target.Status(ctx, m.actor, m.tenant)
	if err != nil {
		return err
	}
	if status == "moving" { // it may have been suspended since
		if _, err := target.setStatus(ctx, m.actor, m.tenant, *m.was); err != nil {
			return err
		}
	}
	if err := m.home.step("move erase"); err != nil {
		return err
	}
	if err := source.eraseMoved(ctx, m.actor, m.tenant, m.cfg.Backups); err != nil {
		return fmt.Errorf("erase the tenant at %s: %w", *m.from, err)
	}
	if err := m.home.step("move end"); err != nil {
		return err
	}
	return m.directory(ctx, "watertight.moved", "step = null, was = null, moved_from = null")
}

// CancelMove takes a move back that has not come to the switch: the tenant opens
// again where it was, and the copy is erased. Later it is [ErrSwitched].
func (db *DB) CancelMove(ctx context.Context, a tenancy.Actor, t tenancy.ID, cfg MoveConfig) error {
	m := &move{home: db, actor: a, tenant: t, cfg: cfg}
	if err := m.load(ctx); err != nil {
		return err
	}
	switch {
	case m.step == nil:
		return fmt.Errorf("%w: %s", ErrNotMoving, t)
	case *m.step == "switched":
		return fmt.Errorf("%w: %s", ErrSwitched, t)
	}
	if err := m.ends(ctx); err != nil {
		return err
	}
	// The source opens only when nothing can switch to the copy any more.
	was := *m.was
	if err := m.dropCopy(ctx); err != nil {
		return err
	}
	if _, err := m.source.setStatus(ctx, a, t, was); err != nil {
		return err
	}
	return m.directory(ctx, "watertight.reopened", "step = null, was = null, moving_to = null")
}
