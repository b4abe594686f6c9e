package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"gocloud.dev/blob"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
)

// Attempt is one try of [Attack]. Its fields are those of leaktest.Attempt.
type Attempt struct {
	Attack  string // what was tried
	Control string // what the same gave on the attacker's own file
	Leaked  bool   // it came through
	Detail  string // what was seen, without a value of a tenant
}

// Attack tries, as the attacker, to reach a file of the victim by every way
// that this package has, and by exchanging objects in the bucket as somebody
// could who runs it. It makes files of its own for both and deletes them.
// Each attempt was made on the attacker's own file before, the control; if that
// fails, Attack returns an error, since what never works proves nothing.
//
// In a team's leak suite:
//
//	Attacks: []leaktest.Attack{{Name: "files", Run: func(ctx context.Context, _ leaktest.Site) (out []leaktest.Attempt, err error) {
//		attempts, err := files.Attack(ctx, store, scopeOfAnna, scopeOfBob)
//		for _, a := range attempts {
//			out = append(out, leaktest.Attempt{Object: "files", Attack: a.Attack, Control: a.Control, Leaked: a.Leaked, Detail: a.Detail})
//		}
//		return out, err
//	}}},
func Attack(ctx context.Context, s *Store, attacker, victim tenancy.Scope) (attempts []Attempt, err error) {
	if attacker.Tenant() == victim.Tenant() {
		return nil, errors.New("the attacker and the victim are one tenant (give scopes of two)")
	}
	a := &attack{store: s, attacker: s.For(attacker), victim: s.For(victim)}
	defer func() { err = errors.Join(err, a.cleanUp(ctx)) }()
	if err := a.prepare(ctx); err != nil {
		return nil, fmt.Errorf("attack on files: %w", err)
	}
	for _, way := range ways {
		t := Attempt{Attack: way.what}
		got, err := way.try(ctx, a, a.own)
		if err != nil || got == "" {
			return nil, fmt.Errorf("attack on files: the control of %q failed: %w", way.what, errors.Join(err, a.restoreOwn(ctx)))
		}
		t.Control = got
		if err := a.restoreOwn(ctx); err != nil {
			return nil, fmt.Errorf("attack on files: %w", err)
		}
		got, err = way.try(ctx, a, a.target)
		harm := a.harm(ctx)
		switch {
		case got != "":
			t.Leaked, t.Detail = true, got
		case harm != "":
			t.Leaked, t.Detail = true, harm
		case !refused(err):
			return nil, fmt.Errorf("attack on files: %s: %w", way.what, err)
		default:
			t.Detail = err.Error()
		}
		attempts = append(attempts, t)
	}
	return attempts, nil
}

// refused reports whether an error is a denial, and not a try that was never made.
func refused(err error) bool {
	for _, denial := range []error{ErrNotFound, ErrLink, ErrCorrupt, crypto.ErrOpen, tenancy.ErrTenantMismatch} {
		if errors.Is(err, denial) {
			return true
		}
	}
	return false
}

type attack struct {
	store            *Store
	attacker, victim *Handle
	own, target      File
	secret           string // the content of target; that of own is its reverse
}

// prepare makes a file of each, with names and contents that nobody guesses.
func (a *attack) prepare(ctx context.Context) (err error) {
	a.secret = "secret " + uuid.NewString()
	if a.target, err = makeFile(ctx, a.victim, a.secret); err != nil {
		return err
	}
	a.own, err = makeFile(ctx, a.attacker, a.ownContent())
	return err
}

func (a *attack) ownContent() string { return strings.Repeat("x", len(a.secret)) }

func makeFile(ctx context.Context, h *Handle, text string) (File, error) {
	u := Upload{Name: "watertight attack " + uuid.NewString(), ContentType: "text/plain", Size: int64(len(text))}
	return h.Create(ctx, u, strings.NewReader(text))
}

// restoreOwn undoes what a control did to the attacker's own file.
func (a *attack) restoreOwn(ctx context.Context) (err error) {
	if err := a.attacker.Delete(ctx, a.own.ID); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	a.own, err = makeFile(ctx, a.attacker, a.ownContent())
	return err
}

// harm tells what the last attempt did to the victim's file.
func (a *attack) harm(ctx context.Context) string {
	f, err := a.victim.Stat(ctx, a.target.ID)
	if err != nil {
		return "the victim's file is gone"
	}
	if f.Name != a.target.Name {
		return "the victim's file has another name"
	}
	if text, err := readAll(ctx, a.victim, a.target.ID); err != nil || text != a.secret {
		return "the victim's file has another content"
	}
	return ""
}

func (a *attack) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	var errs []error
	for f, h := range map[File]*Handle{a.own: a.attacker, a.target: a.victim} {
		if err := h.Delete(ctx, f.ID); f.ID != uuid.Nil && err != nil && !errors.Is(err, ErrNotFound) {
			errs = append(errs, fmt.Errorf("remove a file of the attack: %w", err))
		}
	}
	return errors.Join(errs...)
}

func readAll(ctx context.Context, h *Handle, id uuid.UUID) (string, error) {
	r, err := h.Open(ctx, id)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	return string(b), err
}

// ways are the attempts, each made by the attacker on a file, his own first.
// What it returns is not empty if it came through.
var ways = []struct {
	what string
	try  func(ctx context.Context, a *attack, f File) (string, error)
}{
	{"look at a file by its id", func(ctx context.Context, a *attack, f File) (string, error) {
		_, err := a.attacker.Stat(ctx, f.ID)
		return came("its name and size are shown", err)
	}},
	{"read a file by its id", func(ctx context.Context, a *attack, f File) (string, error) {
		_, err := readAll(ctx, a.attacker, f.ID)
		return came("its content is read", err)
	}},
	{"read a part of a file by its id", func(ctx context.Context, a *attack, f File) (string, error) {
		r, err := a.attacker.Open(ctx, f.ID)
		if err != nil {
			return "", err
		}
		defer func() { _ = r.Close() }()
		if _, err := r.Seek(7, io.SeekStart); err != nil {
			return "", err
		}
		_, err = io.ReadFull(r, make([]byte, 8))
		return came("a part of its content is read", err)
	}},
	{"list files by a name", func(ctx context.Context, a *attack, f File) (string, error) {
		list, _, err := a.attacker.List(ctx, ListOptions{Prefix: f.Name[:len(f.Name)-4]})
		if err == nil && len(list) == 0 {
			err = ErrNotFound
		}
		return came("it is listed by its name", err)
	}},
	{"list all files", func(ctx context.Context, a *attack, f File) (string, error) {
		for g, err := range a.attacker.All(ctx) {
			if err != nil {
				return "", err
			}
			if g.ID == f.ID {
				return "it is in the listing", nil
			}
		}
		return "", ErrNotFound
	}},
	{"list from a cursor inside another's files", func(ctx context.Context, a *attack, f File) (string, error) {
		list, _, err := a.attacker.List(ctx, ListOptions{After: Cursor{Name: f.Name}, Limit: 1000})
		if err != nil {
			return "", err
		}
		for _, g := range list {
			if g.ID == f.ID {
				return "it is in the listing", nil
			}
		}
		return "", ErrNotFound
	}},
	{"rename a file", func(ctx context.Context, a *attack, f File) (string, error) {
		return came("it has another name", a.attacker.Rename(ctx, f.ID, "taken"))
	}},
	{"delete a file", func(ctx context.Context, a *attack, f File) (string, error) {
		return came("it is deleted", a.attacker.Delete(ctx, f.ID))
	}},
	{"write a file under an id", func(ctx context.Context, a *attack, f File) (string, error) {
		// Under his own id it is refused because the file is there. Under the
		// victim's it makes a file of the attacker's own, or that would tell that
		// the id is taken.
		_, err := a.attacker.Restore(ctx, f, strings.NewReader("planted"))
		if f.ID == a.own.ID && errors.Is(err, ErrExists) {
			return "his own file is in the way", nil
		}
		if err != nil && !errors.Is(err, ErrSize) && !errors.Is(err, ErrDigest) {
			return "the id of another tenant is refused, so it tells that it is taken", nil
		}
		return "", errors.Join(ErrNotFound, ignoreNotFound(a.attacker.Delete(ctx, f.ID)))
	}},
	{"make a download link", func(ctx context.Context, a *attack, f File) (string, error) {
		if len(a.store.links) == 0 {
			return onlyControl(a, f)
		}
		_, _, err := a.attacker.Link(ctx, f.ID, 0)
		return came("a link to it is made", err)
	}},
	{"use the download link of its owner", func(ctx context.Context, a *attack, f File) (string, error) {
		if len(a.store.links) == 0 {
			return onlyControl(a, f)
		}
		owner := a.victim
		if f.ID == a.own.ID {
			owner = a.attacker
		}
		token, _, err := owner.Link(ctx, f.ID, 0)
		if err != nil {
			return "", err
		}
		_, err = a.store.admitLink(ctx, a.attacker.scope, token)
		return came("the link is accepted", err)
	}},
	{"put an object in the place of one's own", func(ctx context.Context, a *attack, f File) (string, error) {
		return a.exchange(ctx, f)
	}},
}

// exchange copies the object of f over the attacker's own and opens that.
func (a *attack) exchange(ctx context.Context, f File) (string, error) {
	h := a.victim
	if f.ID == a.own.ID {
		h = a.attacker
	}
	_, from, c, err := h.lookUp(ctx, f.ID)
	clear(c.key[:])
	if err != nil {
		return "", err
	}
	_, to, c, err := a.attacker.lookUp(ctx, a.own.ID)
	clear(c.key[:])
	if err != nil {
		return "", err
	}
	bucket := a.store.bucket.blob
	sealed, err := bucket.ReadAll(ctx, h.key(from).String())
	if err != nil {
		return "", describe("exchange objects", err)
	}
	if f.ID != a.own.ID && bytes.Contains(sealed, []byte(a.secret)) {
		return "the content is in the bucket as it is", nil
	}
	if err := bucket.WriteAll(ctx, a.attacker.key(to).String(), sealed, &blob.WriterOptions{DisableContentTypeDetection: true}); err != nil {
		return "", describe("exchange objects", err)
	}
	_, err = readAll(ctx, a.attacker, a.own.ID)
	return came("its content opens in the place of another", err)
}

// onlyControl stands for an attempt on links in a store that makes none.
func onlyControl(a *attack, f File) (string, error) {
	if f.ID == a.own.ID {
		return "the store makes no links", nil
	}
	return "", ErrLink
}

func came(what string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return what, nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
