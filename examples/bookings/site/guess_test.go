package site_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/examples/bookings/browser"
)

// Anna has Ben's ids and tries them in a browser: in the address, in a form, and
// by the API. She is shown nothing, and Ben's log tells of what was at his
// address, without a word of hers.
func TestGuessesInABrowser(t *testing.T) {
	t.Parallel()
	b := browser.Start(t)
	w := newWorld(t)
	his, hers := w.fill(t, w.ben), w.fill(t, w.anna)
	for _, width := range widths {
		t.Run(strconv.Itoa(width), func(t *testing.T) {
			before := len(w.events(t, w.ben, "watertight.refused"))
			attempts := 0
			p := b.Open(t, width, 844)
			w.signIn(p, w.anna)
			shown := func(what string) {
				require.NotContains(t, p.HTML(), secret(w.ben), what)
				require.NotContains(t, p.HTML(), "Harbour", what)
			}
			own, foreign := w.url+pages(w.anna), w.url+pages(w.ben)

			// By the address.
			for _, path := range looks(his) {
				require.Equal(t, 403, p.Expect(foreign+path), path)
				require.Contains(t, p.Text(), "Your account is not registered with this customer.")
				shown(path)
				attempts++
				if strings.Contains(path, "-4") {
					require.Equal(t, 404, p.Expect(own+path), path)
					shown("her own address with his " + path)
				}
			}
			// By a form that she has changed: his room, and his address.
			book := func(change string) {
				p.Go(own + "/appointments")
				p.Fill("[name=subject]", "Guess")
				p.Eval(change, nil)
				p.Refusable(p.URL())
				p.Click("section[aria-labelledby=book] button")
				shown(change)
			}
			book(`document.querySelector("[name=room]").options[0].value = "` + his.room.String() + `"; document.querySelector("[name=room]").selectedIndex = 0`)
			require.Equal(t, 422, p.Status())
			require.Contains(t, p.Text(), "Choose a room.")
			p.Refusable(foreign + "/appointments")
			book(`document.querySelector("[name=subject]").form.action = "` + pages(w.ben) + `/appointments"`)
			require.Equal(t, 403, p.Status())
			attempts++
			cancel := own + "/appointments/" + his.appointment.String() + "/cancel"
			p.Go(own + "/appointments/" + hers.appointment.String())
			p.Refusable(cancel)
			p.Press("details.sure summary")
			p.Eval(`document.querySelector("form[action$=cancel]").action = `+strconv.Quote(cancel), nil)
			p.Click("form[action$=cancel] button")
			require.Equal(t, 404, p.Status())
			shown("cancelled")

			// By the API.
			api := w.program(t, w.anna)
			for _, r := range routesOf(his) {
				a := api.do(t, r.method, in(w.ben)+r.path, r.body)
				require.Equal(t, 403, a.StatusCode)
				attempts++
				require.Equal(t, 404, api.do(t, r.method, in(w.anna)+r.path, r.body).StatusCode)
			}
			require.Empty(t, p.Complaints())

			// Ben looks into his log.
			victim := b.Open(t, width, 844)
			w.signIn(victim, w.ben)
			victim.Go(foreign + "/log?" + url.Values{"action": {"watertight.refused"}}.Encode())
			victim.Screenshot("13-attempts-" + strconv.Itoa(width))
			require.GreaterOrEqual(t, strings.Count(victim.Text(), "Refused attempt\n"), 1)
			entries := w.events(t, w.ben, "watertight.refused")
			require.Len(t, entries, min(before+attempts, 50), "each attempt stands there")
			for _, word := range []string{"Northwind", w.anna.Email, secret(w.anna), w.anna.Tenant.String(), w.anna.Owner.UserID.String()} {
				require.NotContains(t, victim.HTML(), word)
			}
			victim.Go(foreign + "/appointments/" + his.appointment.String())
			require.Contains(t, victim.Text(), secret(w.ben), "the control: it is there, and he sees it")
			require.Empty(t, victim.Complaints())
		})
	}
}

// With the keyboard alone: in, to the content, a booking, a question before
// something is cancelled, and out. What has the focus can be seen.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	b := browser.Start(t)
	w := newWorld(t)
	p := b.Open(t, 1280, 844)
	p.NoScript(true)
	focus := func(expression string) (out string) {
		p.Eval("(e => "+expression+")(document.activeElement)", &out)
		return out
	}
	tabTo := func(selector string) {
		t.Helper()
		for range 60 {
			p.Key("Tab")
			require.NotEqual(t, "none", focus("getComputedStyle(e).outlineStyle"), "the focus on %s is not seen", focus("e.outerHTML"))
			if focus("String(e.matches("+strconv.Quote(selector)+"))") == "true" {
				return
			}
		}
		t.Fatalf("the keyboard does not get to %s", selector)
	}
	p.Go(w.url + "/sign-in")
	tabTo("[name=email]")
	p.Type(w.anna.Email)
	tabTo("[name=password]")
	p.Type(w.anna.Password)
	p.Enter()
	require.Equal(t, w.url+pages(w.anna)+"/appointments", p.URL())

	p.Key("Tab")
	require.Equal(t, "skip", focus("e.className"), "the first key leads past the menu")
	p.Key("Enter")
	require.Equal(t, "main", focus("e.id"))
	tabTo("[name=subject]")
	p.Type("By keyboard")
	p.Enter()
	require.Contains(t, p.Text(), "The appointment is booked.")
	tabTo(".slot")
	p.Enter()
	tabTo("details.sure summary")
	p.Key(" ")
	tabTo("form[action$=cancel] button")
	p.Enter()
	require.Contains(t, p.Text(), "The appointment is cancelled.")
	tabTo("form[action$=sign-out] button")
	p.Enter()
	require.Equal(t, w.url+"/sign-in", p.URL())
	require.Empty(t, p.Complaints())
}
