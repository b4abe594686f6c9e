package site_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/browser"
	"github.com/watertight-go/watertight/examples/bookings/platform"
)

// widths are those of a desk and of a telephone.
var widths = []int{1280, 390}

// signIn signs somebody in by the form.
func (w *world) signIn(p *browser.Page, c *platform.Customer) {
	p.Go(w.url + "/")
	p.Fill("[name=email]", c.Email)
	p.Fill("[name=password]", c.Password)
	p.Click("main button")
}

func pages(c *platform.Customer) string { return "/t/" + c.Tenant.String() }

// A person does everything there is to do, without a script, at both widths.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	b := browser.Start(t)
	w := newWorld(t)
	require.NoError(t, w.AddSample(t.Context()))
	for i, width := range widths {
		t.Run(strconv.Itoa(width), func(t *testing.T) {
			p := b.Open(t, width, 844)
			p.NoScript(true)
			walk(t, w, p, i)
			require.Empty(t, p.Complaints())
		})
	}
}

func walk(t *testing.T, w *world, p *browser.Page, turn int) {
	shot := func(name string) { p.Screenshot(name + "-" + strconv.Itoa(widths[turn])) }
	own := w.url + pages(w.anna)
	p.Go(w.url + "/")
	shot("01-sign-in")
	p.Fill("[name=email]", w.anna.Email)
	p.Fill("[name=password]", "not her password")
	p.Refusable(w.url + "/sign-in")
	p.Click("main button")
	require.Contains(t, p.Text(), "The sign-in failed.")
	shot("02-sign-in-failed")
	w.signIn(p, w.anna)
	require.Equal(t, own+"/appointments", p.URL())
	shot("03-appointments")

	p.Fill("[name=subject]", "Braces, Ms <Öz> & son")
	p.Set("[name=date]", "2030-01-0"+strconv.Itoa(7+turn))
	p.Set("[name=time]", "09:00")
	p.Click("section[aria-labelledby=book] button")
	require.Contains(t, p.Text(), "The appointment is booked.")
	require.Contains(t, p.Text(), "Braces, Ms <Öz> & son")
	shot("04-booked")
	p.Click(".slot")
	file := filepath.Join(t.TempDir(), "X-ray "+strconv.Itoa(turn)+".pdf")
	require.NoError(t, os.WriteFile(file, []byte("%PDF-1.4 a picture"), 0o600))
	p.Upload("[name=file]", file)
	p.Click("section[aria-labelledby=files] form.inline button")
	require.Contains(t, p.Text(), filepath.Base(file))
	shot("05-appointment")

	p.Go(own + "/calendars")
	p.Fill("[name=account]", "anna-"+strconv.Itoa(turn))
	p.Fill("[name=password]", "the calendar's password")
	p.Click("section[aria-labelledby=connect] button")
	p.Click("form[action$=import] button")
	require.Contains(t, p.Text(), "Team breakfast")
	require.NotContains(t, p.HTML(), "the calendar's password")
	shot("06-calendars")

	p.Go(own + "/team")
	p.Fill("[name=name]", "Lee")
	p.Fill("[name=email]", "lee-"+strconv.Itoa(turn)+"@northwind.example")
	p.Fill("[name=password]", "correct horse battery")
	p.Click("section[aria-labelledby=add] button")
	require.Contains(t, p.Text(), "The account is made.")
	shot("07-team")

	p.Go(own + "/support")
	p.Fill("[name=question]", "The calendar shows Tuesday twice")
	p.Click("section[aria-labelledby=asked] button")
	p.Fill("[name=reason]", "Tuesday is there twice")
	p.Click("section[aria-labelledby=grant] button")
	require.Contains(t, p.Text(), "live")
	shot("08-support")
	p.Click("form[action$=revoke] button")
	require.Contains(t, p.Text(), "revoked")
	p.Click("section[aria-labelledby=grants] a")
	shot("09-activity")

	p.Go(own + "/export")
	shot("10-export")
	p.Go(own + "/log")
	require.Contains(t, p.Text(), "Sign-in failed")
	shot("11-log")
	require.Equal(t, 403, p.Expect(w.url+pages(w.ben)+"/appointments"))
	shot("12-refused")
}
