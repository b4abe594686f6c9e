package crypto_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/jackc/pgx/v5/pgtype"
	"go.yaml.in/yaml/v3"

	"github.com/watertight-go/watertight/crypto"
)

const hidden = "correct-horse"

// holder has a Secret where methods are called and where they cannot be.
type holder struct {
	Open    crypto.Secret
	closed  crypto.Secret
	pointer *crypto.Secret
	list    []crypto.Secret
	byName  map[string]crypto.Secret
	any     any
}

func newHolder() holder {
	s := crypto.NewSecret([]byte(hidden))
	return holder{s, s, &s, []crypto.Secret{s}, map[string]crypto.Secret{"k": s}, s}
}

// spelled are the forms in which fmt may show bytes.
func spelled() []string {
	var decimal []string
	for _, b := range []byte(hidden) {
		decimal = append(decimal, fmt.Sprint(b))
	}
	return []string{
		hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden),
		strings.Join(decimal, " "), strings.Join(decimal, ", "), strings.Join(decimal, ","),
		"Y29ycmVjdC1ob3JzZQ", // base64
		"0x63, 0x6f, 0x72",
	}
}

func mustHide(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range spelled() {
		if strings.Contains(text, form) {
			t.Errorf("%s leaks the secret: %s", how, text)
		}
	}
}

func TestSecretIsHidden(t *testing.T) {
	t.Parallel()
	h := newHolder()
	s := h.Open
	values := map[string]any{"secret": s, "pointer": &s, "struct": h, "struct pointer": &h, "slice": h.list, "map": h.byName}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%b", "%o", "%t", "%c", "%U", "%e", "%p", "%T", "%w", "%10.3s"} {
			mustHide(t, name+" "+verb, fmt.Sprintf(verb, v))
		}
		mustHide(t, name+" error", fmt.Errorf("failed: %v", v).Error())
		mustHide(t, name+" Sprint", fmt.Sprint(v)+fmt.Sprintln(v))

		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		mustHide(t, name+" slog", log.String())

		if b, err := json.Marshal(v); err == nil {
			mustHide(t, name+" json", string(b))
		}
		if b, err := xml.Marshal(v); err == nil {
			mustHide(t, name+" xml", string(b))
		}
		if b, err := yaml.Marshal(v); err == nil {
			mustHide(t, name+" yaml", string(b))
		}
		var g bytes.Buffer
		_ = gob.NewEncoder(&g).Encode(v)
		mustHide(t, name+" gob", g.String())

		var page strings.Builder
		_ = template.Must(template.New("").Parse("{{.}} {{printf \"%s %x\" . .}}")).Execute(&page, v)
		mustHide(t, name+" template", page.String())
	}
	if got := fmt.Sprint(s); got != "[redacted]" {
		t.Errorf("Sprint = %q", got)
	}
	if b, err := json.Marshal(s); string(b) != `"[redacted]"` || err != nil {
		t.Errorf("json = %s, %v", b, err)
	}
}

// TestHidingTestCanFail shows the same assertions finding a leak, so that the
// test above is not green because it looks at nothing.
func TestHidingTestCanFail(t *testing.T) {
	t.Parallel()
	type leaky struct{ s string }
	for _, verb := range []string{"%v", "%x", "%q"} {
		text := fmt.Sprintf(verb, leaky{hidden})
		found := false
		for _, form := range spelled() {
			found = found || strings.Contains(text, form)
		}
		if !found {
			t.Errorf("%s of a plain string was not recognised: %s", verb, text)
		}
	}
}

func TestSecretPanicText(t *testing.T) {
	t.Parallel()
	defer func() { mustHide(t, "panic", fmt.Sprint(recover())) }()
	panic(newHolder())
}

func TestSecretCannotReachSQL(t *testing.T) {
	t.Parallel()
	s := crypto.NewSecret([]byte(hidden))
	if v, err := driver.DefaultParameterConverter.ConvertValue(s); err == nil {
		t.Errorf("database/sql encodes a secret as %v", v)
	}
	m := pgtype.NewMap()
	for _, oid := range []uint32{pgtype.TextOID, pgtype.VarcharOID, pgtype.ByteaOID, pgtype.JSONOID, pgtype.JSONBOID, pgtype.UnknownOID, pgtype.TextArrayOID, 0} {
		for _, format := range []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode} {
			for name, v := range map[string]any{"value": s, "pointer": &s, "slice": []crypto.Secret{s}} {
				if oid == pgtype.JSONOID || oid == pgtype.JSONBOID {
					if name == "slice" {
						continue // the JSON of a list, which reads [redacted]: tested above
					}
				}
				if b, err := m.Encode(oid, format, v, nil); err == nil {
					t.Errorf("pgx encodes a %s to type %d as %q", name, oid, b)
				}
			}
		}
	}
	var dst crypto.Secret
	if err := m.Scan(pgtype.TextOID, pgtype.TextFormatCode, []byte(hidden), &dst); err == nil {
		t.Error("a text column was scanned into a secret")
	}
}

func TestSecretDecodes(t *testing.T) {
	t.Parallel()
	var body struct{ Password crypto.Secret }
	if err := json.Unmarshal([]byte(`{"Password":"correct-horse"}`), &body); err != nil || string(body.Password.Reveal()) != hidden {
		t.Errorf("decoded to %q, %v", body.Password.Reveal(), err)
	}
	if err := json.Unmarshal([]byte(`{"Password":"[redacted]"}`), &body); err == nil {
		t.Error("the redacted form was read as a secret")
	}
}

func TestSecretBytes(t *testing.T) {
	t.Parallel()
	source := []byte(hidden)
	s := crypto.NewSecret(source)
	clear(source)
	copied := s.Reveal()
	clear(copied)
	if string(s.Reveal()) != hidden {
		t.Error("the secret shares its bytes with the caller")
	}
	if !s.Equal(crypto.SecretString(hidden)) || s.Equal(crypto.SecretString("correct-hors")) || s.Equal(crypto.Secret{}) {
		t.Error("Equal is wrong")
	}
	if zero := (crypto.Secret{}); !zero.IsZero() || zero.Len() != 0 || zero.Reveal() != nil || !zero.Equal(zero) {
		t.Error("the zero secret is not empty")
	}
	if s.IsZero() || s.Len() != len(hidden) {
		t.Error("Len or IsZero is wrong")
	}
}

// TestErrorsHideEverything drives each failure with marked inputs and looks for
// the marks in the text.
func TestErrorsHideEverything(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t)
	sealed := f.seal(t, f.tenant, ref, hidden)
	sealed[len(sealed)-1] ^= 1
	_, openErr := f.ring.Open(ctx, f.tenant, ref, sealed)
	_, refErr := f.ring.Seal(ctx, f.tenant, crypto.Ref{}, crypto.SecretString(hidden))
	long := crypto.SecretString(strings.Repeat(hidden, 9))
	_, hashErr := f.hasher.Hash(ctx, long)
	policyErr := crypto.Policy{}.Check(ctx, crypto.SecretString(hidden), crypto.PolicyContext{Words: []string{hidden}})
	for name, err := range map[string]error{"open": openErr, "ref": refErr, "hash": hashErr, "policy": policyErr} {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		mustHide(t, name, err.Error()+fmt.Sprintf("%+v %#v", err, err))
		if strings.Contains(err.Error(), f.tenant.String()) {
			t.Errorf("%s names the tenant: %v", name, err)
		}
	}
	if !errors.Is(openErr, crypto.ErrOpen) {
		t.Errorf("open: %v", openErr)
	}
}
