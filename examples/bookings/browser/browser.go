// Package browser drives a headless Chromium in tests, to see what a person
// sees: pages at a width, clicks, keys, screenshots, and what the console says.
//
//	b := browser.Start(t) // skips, or fails in CI, where there is none
//	p := b.Open(t, 390, 844)
//	p.Go(url)
//	p.Fill("[name=email]", "anna@example.com")
//	p.Click("button")
//	p.Screenshot("page.png")
//	require.Empty(t, p.Complaints())
//
// It speaks the DevTools protocol over a pipe (--remote-debugging-pipe), which
// needs no port, no WebSocket, and no module.
package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// names are how Chromium is called on the systems that tests run on.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// Browser is a running Chromium.
type Browser struct {
	in io.Writer

	mu      sync.Mutex
	next    int
	waiting map[int]chan message
	pages   map[string]*Page // by session
	ended   error
}

// message is what travels on the pipe, each followed by a zero byte.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Start runs a browser until the test ends. BROWSER names another program than
// the usual ones.
func Start(t testing.TB) *Browser {
	t.Helper()
	program, err := find()
	if err != nil {
		Missing(t, err)
	}
	b, err := launch(t, program)
	if err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return b
}

// Missing ends a test for want of a program: it fails in CI, where a skip would
// pass for a proof.
func Missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skipf("SKIPPED, nothing is proved here: %v", err)
}

func find() (string, error) {
	if name := os.Getenv("BROWSER"); name != "" {
		return name, nil
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no Chromium on this machine (apt-get install chromium)")
}

func launch(t testing.TB, program string) (*Browser, error) {
	arguments := []string{
		"--headless=new", "--remote-debugging-pipe", "--user-data-dir=" + t.TempDir(),
		"--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
		"--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-GB",
	}
	if os.Geteuid() == 0 {
		arguments = append(arguments, "--no-sandbox") // Chromium has none for root
	}
	theirs, mine, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answers, answer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, append(arguments, "about:blank")...)
	cmd.ExtraFiles = []*os.File{theirs, answer} // its descriptors 3 and 4
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	theirs.Close()
	answer.Close()
	b := &Browser{in: mine, waiting: map[int]chan message{}, pages: map[string]*Page{}}
	go b.listen(answers)
	t.Cleanup(func() {
		_, _ = b.call("", "Browser.close", nil) // then it ends by itself
		mine.Close()
		_ = cmd.Wait()
		answers.Close()
	})
	return b, nil
}

// listen hands answers to who waits for them and events to their page.
func (b *Browser) listen(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			b.end(err)
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		waiter, page := b.waiting[m.ID], b.pages[m.Session]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		switch {
		case waiter != nil:
			waiter <- m
		case page != nil && m.Method != "":
			page.event(m.Method, m.Params)
		}
	}
}

func (b *Browser) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = fmt.Errorf("the browser has ended: %w", err)
	for id, waiter := range b.waiting {
		close(waiter)
		delete(b.waiting, id)
	}
}

// patience bounds the wait for an answer. It is no measurement: a browser that
// hangs is to fail the test and not the whole run.
const patience = time.Minute

func (b *Browser) call(session, method string, params any) (json.RawMessage, error) {
	text, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	if params == nil {
		text = []byte("{}")
	}
	b.mu.Lock()
	if b.ended != nil {
		b.mu.Unlock()
		return nil, b.ended
	}
	b.next++
	m := message{ID: b.next, Session: session, Method: method, Params: text}
	waiter := make(chan message, 1)
	b.waiting[m.ID] = waiter
	line, err := json.Marshal(m)
	if err == nil {
		_, err = b.in.Write(append(line, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case answer, ok := <-waiter:
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: the browser has ended", method)
		case answer.Error != nil:
			return nil, fmt.Errorf("%s: %s", method, answer.Error.Message)
		}
		return answer.Result, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}
