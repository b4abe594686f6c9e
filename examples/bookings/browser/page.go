package browser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Page is a window with cookies of its own. Its methods end the test when
// something cannot be done.
type Page struct {
	t       testing.TB
	b       *Browser
	session string

	mu         sync.Mutex
	changed    chan struct{} // closed and renewed by each event
	loads      int
	status     int // of the last document
	expected   map[string]bool
	complaints []string
}

// Open opens a window of a size in CSS pixels.
func (b *Browser) Open(t testing.TB, width, height int) *Page {
	t.Helper()
	p := &Page{t: t, b: b, changed: make(chan struct{}), expected: map[string]bool{}}
	var jar struct {
		ID string `json:"browserContextId"`
	}
	p.call("Target.createBrowserContext", nil, &jar)
	var target struct {
		ID string `json:"targetId"`
	}
	p.call("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": jar.ID}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	p.call("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	p.session = attached.Session
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		p.call(domain+".enable", nil, nil)
	}
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
	}, nil)
	return p
}

// NoScript switches scripts off, as some people do.
func (p *Page) NoScript(off bool) {
	p.t.Helper()
	p.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": off}, nil)
}

func (p *Page) call(method string, params, into any) {
	p.t.Helper()
	result, err := p.b.call(p.session, method, params)
	if err == nil && into != nil {
		err = json.Unmarshal(result, into)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// event keeps what a test may ask for.
func (p *Page) event(method string, params json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch method {
	case "Page.loadEventFired":
		p.loads++
	case "Network.responseReceived":
		var e struct {
			Type     string
			Response struct{ Status int }
		}
		if json.Unmarshal(params, &e) == nil && e.Type == "Document" {
			p.status = e.Response.Status
		}
	case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
		if text := complaint(params); text != "" {
			p.complaints = append(p.complaints, text)
		}
	default:
		return
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// complaint returns what is wrong, or nothing for what is only said.
func complaint(params json.RawMessage) string {
	var e struct {
		Type  string // of a console call
		Entry struct{ Level, Source, Text, URL string }
		Args  []struct{ Value any }
		Error struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	if err := json.Unmarshal(params, &e); err != nil {
		return "not read: " + err.Error()
	}
	switch {
	case e.Error.Text != "":
		return e.Error.Text + " " + e.Error.Exception.Description
	case e.Type == "error" || e.Type == "warning" || e.Type == "assert":
		return fmt.Sprint("console: ", e.Args)
	case e.Entry.Level == "error" || e.Entry.Level == "warning":
		return strings.Join([]string{e.Entry.Source, e.Entry.Text, e.Entry.URL}, " ")
	}
	return ""
}

// Complaints are what the console showed: errors and warnings, also about what
// the page's own policy forbids. That the document at an address which was
// opened by [Page.Expect] was refused is none.
func (p *Page) Complaints() (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.complaints {
		if at := strings.LastIndexByte(c, ' '); !strings.HasPrefix(c, "network ") || !p.expected[c[at+1:]] {
			list = append(list, c)
		}
	}
	return list
}

// waitLoad waits until more than seen documents have come.
func (p *Page) waitLoad(seen int) {
	p.t.Helper()
	late := time.After(patience)
	for {
		p.mu.Lock()
		loads, changed := p.loads, p.changed
		p.mu.Unlock()
		if loads > seen {
			return
		}
		select {
		case <-changed:
		case <-late:
			p.t.Fatalf("no page came (the browser is at %s)", p.URL())
		}
	}
}

// loading does something that leads to another page, and waits for it.
func (p *Page) loading(do func()) {
	p.t.Helper()
	p.mu.Lock()
	seen := p.loads
	p.mu.Unlock()
	do()
	p.waitLoad(seen)
}

// Go opens an address and returns the status of what came.
func (p *Page) Go(url string) int {
	p.t.Helper()
	p.loading(func() { p.call("Page.navigate", map[string]string{"url": url}, nil) })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Expect is Go for a page that is to be refused: the console may say so.
func (p *Page) Expect(url string) int {
	p.t.Helper()
	p.Refusable(url)
	return p.Go(url)
}

// Refusable says that an address may be answered with an error.
func (p *Page) Refusable(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected[url] = true
}

// Status is that of the last page.
func (p *Page) Status() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Eval evaluates an expression; into may be nil.
func (p *Page) Eval(expression string, into any) {
	p.t.Helper()
	var out struct {
		Result struct{ Value json.RawMessage }
		Error  *struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	p.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &out)
	if out.Error != nil {
		p.t.Fatalf("%s: %s %s", abbreviate(expression), out.Error.Text, out.Error.Exception.Description)
	}
	if into != nil {
		if err := json.Unmarshal(out.Result.Value, into); err != nil {
			p.t.Fatalf("%s: %v", abbreviate(expression), err)
		}
	}
}

func abbreviate(s string) string { return s[:min(len(s), 200)] }

// URL is where the page is.
func (p *Page) URL() (url string) { p.t.Helper(); p.Eval("location.href", &url); return url }

// Text is what the page shows.
func (p *Page) Text() (text string) {
	p.t.Helper()
	p.Eval("document.body.innerText", &text)
	return text
}

// HTML is all that came, also what is not shown.
func (p *Page) HTML() (text string) {
	p.t.Helper()
	p.Eval("document.documentElement.outerHTML", &text)
	return text
}

// Has reports whether something matches a selector.
func (p *Page) Has(selector string) (is bool) {
	p.t.Helper()
	p.Eval("document.querySelector("+quote(selector)+") !== null", &is)
	return is
}

// Focus puts the focus on the first match, as a click would.
func (p *Page) Focus(selector string) {
	p.t.Helper()
	p.Eval(`(() => { const e = document.querySelector(`+quote(selector)+`); if (!e) throw new Error("nothing matches"); e.focus(); e.select && e.select() })()`, nil)
}

// Fill types text into a field, in place of what is there.
func (p *Page) Fill(selector, text string) {
	p.t.Helper()
	p.Focus(selector)
	p.call("Input.insertText", map[string]string{"text": text}, nil)
}

// Set gives a field its value as a script would, for those that are not typed
// into: a choice, a date.
func (p *Page) Set(selector, value string) {
	p.t.Helper()
	p.Eval(`(() => { const e = document.querySelector(`+quote(selector)+`); if (!e) throw new Error("nothing matches"); e.value = `+quote(value)+` })()`, nil)
}

// Upload chooses a file for a field.
func (p *Page) Upload(selector, file string) {
	p.t.Helper()
	var root struct{ Root struct{ NodeID int } }
	p.call("DOM.getDocument", nil, &root)
	var found struct{ NodeID int }
	p.call("DOM.querySelector", map[string]any{"nodeId": root.Root.NodeID, "selector": selector}, &found)
	p.call("DOM.setFileInputFiles", map[string]any{"nodeId": found.NodeID, "files": []string{file}}, nil)
}

// Click clicks on the middle of the first match and waits for the page that
// comes.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.loading(func() { p.Press(selector) })
}

// Press clicks where no page follows.
func (p *Page) Press(selector string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	p.Eval(`(() => { const e = document.querySelector(`+quote(selector)+`); if (!e) throw new Error("nothing matches");
		e.scrollIntoView({block: "center"}); const r = e.getClientRects()[0];
		return {x: r.x + r.width / 2, y: r.y + r.height / 2} })()`, &at)
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// Key presses a key: Tab, Enter, or a space.
func (p *Page) Key(name string) {
	p.t.Helper()
	key := map[string]any{"key": name, "code": name}
	switch name {
	case "Tab":
		key["windowsVirtualKeyCode"] = 9
	case "Enter":
		key["windowsVirtualKeyCode"], key["text"] = 13, "\r"
	case " ":
		key["windowsVirtualKeyCode"], key["text"], key["code"] = 32, " ", "Space"
	default:
		p.t.Fatalf("no key %q", name)
	}
	key["type"] = "keyDown"
	p.call("Input.dispatchKeyEvent", key, nil)
	delete(key, "text")
	key["type"] = "keyUp"
	p.call("Input.dispatchKeyEvent", key, nil)
}

// Enter presses the key where a page follows.
func (p *Page) Enter() { p.t.Helper(); p.loading(func() { p.Key("Enter") }) }

// Type types into what has the focus.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.call("Input.insertText", map[string]string{"text": text}, nil)
}

// Screenshot writes the whole page as a picture, if SCREENSHOTS names a folder.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var metrics struct {
		Content struct{ Width, Height float64 } `json:"cssContentSize"`
	}
	p.call("Page.getLayoutMetrics", nil, &metrics)
	clip := map[string]any{"x": 0, "y": 0, "width": metrics.Content.Width, "height": metrics.Content.Height, "scale": 1}
	var picture struct{ Data string }
	p.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true, "clip": clip}, &picture)
	content, err := base64.StdEncoding.DecodeString(picture.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), content, 0o600)
	}
	if err != nil {
		p.t.Fatalf("keep the screenshot %s: %v", name, err)
	}
}

// quote writes a string as a literal of JavaScript.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can be written
	}
	return string(text)
}
