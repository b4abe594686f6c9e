package leaktest

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// An Attack is one that the suite cannot invent, because what it is on is not
// in the catalogue: sealed values, files, a cache. It runs after the suite's
// own, on the same database with the same two tenants and their rows.
//
//	leaktest.Run(t, leaktest.Config{
//		URL: url,
//		Attacks: []leaktest.Attack{{
//			Name: "cache",
//			Run: func(ctx context.Context, at leaktest.Site) ([]leaktest.Attempt, error) {
//				cache.Put(at.Victim, "greeting", "hello")
//				mine, stolen := cache.Get(at.Victim, "greeting"), cache.Get(at.Attacker, "greeting")
//				return []leaktest.Attempt{{
//					Attack: "read the victim's entry", Control: mine, Leaked: stolen != "", Detail: stolen,
//				}}, nil
//			},
//		}},
//	})
type Attack struct {
	// Name says what is attacked. Required, and different for each.
	Name string

	// Run makes the attempts and returns all of them, those that failed too. An
	// error says that the attack could not be made, which is no clean result;
	// neither is an attack without attempts.
	Run func(ctx context.Context, at Site) ([]Attempt, error)
}

// A Site is where an [Attack] runs.
type Site struct {
	// Conn is the administrator's session in what is attacked, inside a
	// transaction: whatever it writes is rolled back. Its statements must not
	// end the transaction.
	Conn *pgx.Conn

	// AppRole is the application's role.
	AppRole string

	// Attacker and Victim are the tenants, as their columns hold them. Each has
	// rows in every table that could be filled.
	Attacker, Victim string
}

// An Attempt is one try of an [Attack].
type Attempt struct {
	Object  string // what it was on, such as a column; the attack's name when empty
	Attack  string // what was tried
	Control string // what the same gave on the attacker's own. Required: without it the attempt proves nothing
	Leaked  bool   // it came through
	Detail  string // what was seen, without a value of a tenant
}

func (c Config) validateAttacks() error {
	seen := map[string]bool{}
	for _, a := range c.Attacks {
		switch {
		case a.Name == "" || a.Run == nil:
			return errors.New("an attack of Config.Attacks has no name or no function (set both)")
		case seen[a.Name]:
			return fmt.Errorf("two attacks of Config.Attacks have the name %q (give each its own)", a.Name)
		}
		seen[a.Name] = true
	}
	return nil
}

// extras makes the attacks of the team's own.
func (h *whole) extras(ctx context.Context) error {
	if h.w.only != nil {
		return nil // a self-test plants leaks in tables
	}
	for _, a := range h.w.cfg.Attacks {
		if err := h.extra(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (h *whole) extra(ctx context.Context, a Attack) error {
	var attempts []Attempt
	var failed error
	err := h.scope(ctx, func() error {
		attempts, failed = a.Run(ctx, Site{
			Conn: h.conn, AppRole: h.w.app.Name, Attacker: h.w.tenants[0].id, Victim: h.w.tenants[1].id,
		})
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if failed == nil && len(attempts) == 0 {
		failed = errors.New("it made no attempt")
	}
	if failed != nil {
		h.find(ruleUnproved, Error, "", a.Name, fmt.Sprintf("the attack on %s could not be made: %v", a.Name, failed))
		h.report.Cells = append(h.report.Cells, Cell{Object: a.Name, Kind: "own attack", Attack: "all", Lock: "all", Verdict: NotProved, Detail: failed.Error()})
	}
	for _, t := range attempts {
		h.attempt(a, t)
	}
	return nil
}

func (h *whole) attempt(a Attack, t Attempt) {
	cell := Cell{Object: t.Object, Kind: "own attack", Attack: t.Attack, Lock: "all", Verdict: Held, Control: t.Control, Detail: t.Detail}
	if cell.Object == "" {
		cell.Object = a.Name
	}
	switch {
	case t.Leaked:
		cell.Verdict = Leaked
		h.find(ruleOwnAttack, Error, "", cell.Object, fmt.Sprintf("%s: %s came through: %s", a.Name, t.Attack, t.Detail))
	case t.Control == "":
		cell.Verdict = NotProved
		h.find(ruleUnproved, Error, "", cell.Object, fmt.Sprintf("%s: %s has no control: what fails for the tenant itself as well proves nothing", a.Name, t.Attack))
	}
	h.report.Cells = append(h.report.Cells, cell)
}
