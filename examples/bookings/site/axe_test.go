package site_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/browser"
)

// axe-core, which knows the rules of WCAG that a program can check.
const (
	axeVersion = "4.14.1"
	axeDigest  = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// axe returns the script, from the cache or from npm.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	file := filepath.Join(cache, "watertight", "axe-core-"+axeVersion+".js")
	script, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if script, err = fetchAxe(t.TempDir()); err != nil {
			browser.Missing(t, err)
		}
	}
	require.NoError(t, err)
	sum := sha256.Sum256(script)
	require.Equal(t, axeDigest, hex.EncodeToString(sum[:]), "%s is another axe-core (remove it)", file)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, script, 0o600))
	return string(script)
}

func fetchAxe(dir string) ([]byte, error) {
	npm := exec.Command("npm", "install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "axe-core@"+axeVersion)
	if out, err := npm.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("axe-core cannot be fetched by npm (install Node.js): %w %s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
}

// violation is what axe found on a page.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

func (v violation) String() string {
	text := v.Impact + " " + v.ID + ": " + v.Help
	for _, n := range v.Nodes {
		text += "\n  " + n.HTML + "\n  " + strings.ReplaceAll(n.FailureSummary, "\n", " ")
	}
	return text
}

// check runs axe on the page that is open.
func check(p *browser.Page, script string) (serious []violation) {
	p.Eval(script+"; true", nil)
	var all []violation
	p.Eval(`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`, &all)
	for _, v := range all {
		if v.Impact == "serious" || v.Impact == "critical" {
			serious = append(serious, v)
		}
	}
	return serious
}

// Every page, at both widths: nothing that axe calls serious or critical, and
// nothing that has to be scrolled sideways.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	script, b := axe(t), browser.Start(t)
	w := newWorld(t)
	require.NoError(t, w.AddSample(t.Context()))
	it := w.fill(t, w.anna)
	for _, width := range widths {
		t.Run(strconv.Itoa(width), func(t *testing.T) {
			p := b.Open(t, width, 844)
			p.Go(w.url + "/sign-in")
			require.Empty(t, check(p, script), "the sign-in")
			w.signIn(p, w.anna)
			for _, path := range looks(it) {
				if strings.Contains(path, "/attachments/") {
					continue // a file, and no page
				}
				require.Equal(t, 200, p.Go(w.url+pages(w.anna)+path), path)
				require.Empty(t, check(p, script), path)
				var wide bool
				p.Eval("document.scrollingElement.scrollWidth > innerWidth", &wide)
				require.False(t, wide, "%s is wider than the window", path)
			}
			require.Equal(t, 403, p.Expect(w.url+pages(w.ben)+"/log"))
			require.Empty(t, check(p, script), "a refusal")
			// An error in a form, and something that is opened.
			p.Go(w.url + pages(w.anna) + "/team")
			p.Eval(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil)
			p.Fill("section[aria-labelledby=add] [name=name]", "Lee")
			p.Fill("section[aria-labelledby=add] [name=email]", w.anna.Email)
			p.Fill("section[aria-labelledby=add] [name=password]", password)
			require.Empty(t, check(p, script), "all is open")
			p.Refusable(w.url + pages(w.anna) + "/team")
			p.Click("section[aria-labelledby=add] button")
			require.Equal(t, 409, p.Status())
			require.True(t, p.Has("[name=email][aria-invalid=true][aria-describedby=problem]"))
			require.Empty(t, check(p, script), "an error")
			// The desk.
			require.Equal(t, 401, p.Expect(w.url+"/desk"+pages(w.anna)+"/grants/"+it.grant.String()))
			require.Empty(t, check(p, script), "the desk's sign-in")
			require.Empty(t, p.Complaints())
		})
	}
}

// A check that finds nothing anywhere would prove nothing.
func TestAxeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	script, b := axe(t), browser.Start(t)
	p := b.Open(t, 390, 844)
	p.Go(`data:text/html,<html lang=en><title>x</title><main><h1>x</h1><input name=x><p style="color:%23ccc;background:white">pale</p></main>`)
	var found []string
	for _, v := range check(p, script) {
		found = append(found, v.ID)
	}
	require.Contains(t, found, "label")
	require.Contains(t, found, "color-contrast")
}
