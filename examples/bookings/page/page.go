// Package page is what the pages look like: one template each in a common
// layout, and one style sheet. There is no script, so nothing has to be trusted
// with one, and everything works with the keyboard and on a telephone.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static
var static embed.FS

// Page is what the layout shows around a template's own Body.
type Page struct {
	Title string
	Here  string // the entry of the menu that is this page
	Menu  []Link

	Customer string // the tenant's name, once somebody is in
	Person   string // who is signed in
	Role     string
	Base     string // the path that the tenant's pages begin with
	SignOut  string // where the sign-out goes; empty where nobody is signed in

	Notice  string     // what was just done
	Problem string     // what went wrong
	Field   string     // the field at fault, if one is
	Form    url.Values // what was filled in before

	Body any
}

// Link is an entry of the menu.
type Link struct{ Name, Path string }

// Invalid marks the field that the problem is about, for those who cannot see
// where it stands.
func (p *Page) Invalid(field string) template.HTMLAttr {
	if p.Field == "" || p.Field != field {
		return ""
	}
	return `aria-invalid="true" aria-describedby="problem"`
}

// Filled returns what was filled into a field, or else what stands there first.
func (p *Page) Filled(field string, first any) string {
	if p.Form.Has(field) {
		return p.Form.Get(field)
	}
	return fmt.Sprint(first)
}

// Book is all templates, ready.
type Book struct{ pages map[string]*template.Template }

// NewBook parses the templates: one that does not parse is an error at the start
// and not on somebody's screen.
func NewBook() (*Book, error) {
	layout, err := template.New("layout.html").Funcs(functions).ParseFS(templates, "templates/layout.html")
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	b := &Book{pages: map[string]*template.Template{}}
	for _, name := range names {
		own, err := layout.Clone()
		if err == nil && path.Base(name) != "layout.html" {
			own, err = own.ParseFS(templates, name)
		}
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		b.pages[strings.TrimSuffix(path.Base(name), ".html")] = own
	}
	return b, nil
}

// Show writes a page. It is put together before the first byte goes out, so that
// an error in the middle is an error and not half a page.
func (b *Book) Show(w http.ResponseWriter, status int, name string, p *Page) error {
	t, ok := b.pages[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return fmt.Errorf("put the page %s together: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // the browser has gone: nobody is left to tell
	return nil
}

// Static serves the style sheet below /static/. Its address changes with its
// content, so a browser may keep it.
func Static() http.Handler {
	files := http.FileServerFS(static)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r) // no listing
			return
		}
		if r.URL.Query().Has("v") {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		files.ServeHTTP(w, r)
	})
}

// asset returns the address of a static file.
func asset(name string) (string, error) {
	content, err := static.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return "/static/" + name + "?v=" + hex.EncodeToString(sum[:6]), nil
}
