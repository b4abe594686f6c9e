package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/evidence"
)

func document() evidence.Document {
	return evidence.Document{
		Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Database: "shop", Server: "PostgreSQL 17", Rules: 70, Proved: 1, Queries: 1, Attacks: 3,
		Cells: []evidence.Cell{
			{Object: "orders", Kind: "table", Attack: "select", Lock: "database", Verdict: "held"},
			{Object: "orders", Kind: "table", Attack: "foreign key <a&b>", Lock: "database", Verdict: "held"},
			{Object: "GetOrder", Kind: "query", Attack: "noninterference", Lock: "query", Verdict: "held"},
		},
		Planted: []evidence.Planted{{Class: "TRUNCATE granted", Where: "orders", Caught: true, By: "WTA007"}},
		Waivers: []evidence.Waiver{{Rule: "WTA021", What: "setting", Reason: "parameters only"}},
		Inputs:  []evidence.Input{evidence.Digest("schema.sql", []byte("x"))},
	}
}

func key(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
}

func TestSignedEvidenceOpens(t *testing.T) {
	t.Parallel()
	d := document()
	d.Settle()
	file, err := evidence.Sign(d, key(t))
	require.NoError(t, err)
	back, signer, err := evidence.Open(file, nil)
	require.NoError(t, err)
	require.Equal(t, d, back)
	require.True(t, signer.Equal(key(t).Public()))
	_, _, err = evidence.Open(file, signer)
	require.NoError(t, err)
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	_, _, err = evidence.Open(file, other)
	require.ErrorIs(t, err, evidence.ErrSignature)
}

// Every change and every truncation of a signed file is refused.
func TestChangedEvidenceIsRefused(t *testing.T) {
	t.Parallel()
	d := document()
	d.Settle()
	file, err := evidence.Sign(d, key(t))
	require.NoError(t, err)
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if _, _, err := evidence.Open(changed, nil); !errors.Is(err, evidence.ErrSignature) && !errors.Is(err, evidence.ErrFormat) {
			t.Fatalf("byte %d changed (%q): %v", i, file[i], err)
		}
	}
	for n := range len(file) - 1 {
		if _, _, err := evidence.Open(file[:n], nil); err == nil {
			t.Fatalf("cut to %d bytes: accepted", n)
		}
	}
	_, _, err = evidence.Open(append(bytes.Clone(file), "{}"...), nil)
	require.ErrorIs(t, err, evidence.ErrFormat)
	twice := bytes.Replace(file, []byte(`"format":`), []byte(`"format": "x", "format":`), 1)
	_, _, err = evidence.Open(twice, nil)
	require.ErrorIs(t, err, evidence.ErrFormat)
}

func TestKeysAreRead(t *testing.T) {
	t.Parallel()
	der, err := x509.MarshalPKCS8PrivateKey(key(t))
	require.NoError(t, err)
	private, err := evidence.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	require.NoError(t, err)
	require.True(t, private.Equal(key(t)))
	public := private.Public().(ed25519.PublicKey)
	back, err := evidence.ParsePublicKey(evidence.FormatPublicKey(public))
	require.NoError(t, err)
	require.True(t, back.Equal(public))
	_, err = evidence.ParsePrivateKey([]byte("secret text"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
	_, err = evidence.ParsePublicKey("AAAA")
	require.Error(t, err)
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	d := document()
	d.Settle()
	require.Equal(t, evidence.Clean, d.Verdict)
	d.Findings = []evidence.Finding{{Severity: "warning"}}
	d.Settle()
	require.Equal(t, evidence.Clean, d.Verdict)
	d.Findings = append(d.Findings, evidence.Finding{Severity: "error", Unproved: true})
	d.Settle()
	require.Equal(t, evidence.NotProved, d.Verdict)
	d.Findings = append(d.Findings, evidence.Finding{Severity: "error"})
	d.Settle()
	require.Equal(t, evidence.Leaks, d.Verdict)
}

func TestControlsFollowTheCells(t *testing.T) {
	t.Parallel()
	result := func(d evidence.Document, id string) string {
		d.Settle()
		for _, c := range d.Controls {
			if c.ID == id {
				return c.Result
			}
		}
		t.Fatalf("no control %s", id)
		return ""
	}
	d := document()
	require.Equal(t, "held", result(d, "8.2.2"))
	require.Equal(t, "held", result(d, "A.8.29"))
	d.Cells[0].Verdict = "leaked"
	require.Equal(t, "leaked", result(d, "8.2.2"))
	d.Cells[0].Verdict = "unproved"
	require.Equal(t, "not proved", result(d, "8.4.1"))
	d.Planted[0].Caught = false
	require.Equal(t, "not proved", result(d, "A.8.29"))
	d.Cells, d.Planted = nil, nil
	require.Equal(t, "not tested", result(d, "8.2.2"))
	require.Equal(t, "not tested", result(d, "A.8.29"))
}

func TestPageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	d := document()
	d.Findings = []evidence.Finding{{Source: "attack", Rule: "WTA001", Severity: "error", Table: "<script>alert(1)</script>", Message: "seen"}}
	d.Settle()
	page, err := d.HTML()
	require.NoError(t, err)
	text := string(page)
	for _, want := range []string{"✗ Leaks", "TRUNCATE granted", "parameters only", "OWASP ASVS", "Art. 32(1)(d)", d.Inputs[0].SHA256, "prefers-color-scheme: dark", "@media print", `name="viewport"`} {
		require.Contains(t, text, want)
	}
	for _, never := range []string{"<script", "http://", "https://", "src=", "@import", "url("} {
		require.NotContains(t, text, never)
	}
}

func TestJUnitCountsItsCases(t *testing.T) {
	t.Parallel()
	d := document()
	d.Cells[0].Verdict, d.Cells[1].Verdict = "leaked", "unproved"
	d.Settle()
	out, err := d.JUnit()
	require.NoError(t, err)
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Cases []struct{} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(out, &suites))
	n := 0
	for _, s := range suites.Suites {
		n += len(s.Cases)
	}
	require.Equal(t, []int{4, 1, 1, 4}, []int{suites.Tests, suites.Failures, suites.Errors, n})
}

func TestSARIFNamesWhereAndWhat(t *testing.T) {
	t.Parallel()
	d := document()
	d.Findings = []evidence.Finding{{Source: "lint", Rule: "WTL001", Severity: "error", File: "q.sql", Line: 3, Query: "GetX", Message: "m", Fix: "f"}}
	out, err := d.SARIF()
	require.NoError(t, err)
	require.True(t, strings.Contains(string(out), `"uri": "q.sql"`) && strings.Contains(string(out), `"startLine": 3`) && strings.Contains(string(out), `"ruleId": "WTL001"`))
}
