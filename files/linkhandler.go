package files

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
)

// LinkHandler serves downloads: GET and HEAD of a path whose last element is a
// token of [Handle.Link]. The signature alone opens nothing: the request must
// have been admitted, and to the tenant and as the account that the link is
// for. scope says to what it was admitted; with accounts/middleware:
//
//	mux.Handle("GET /files/{token}", admitted.Wrap(files.LinkHandler(store, middleware.Scope)))
//
// Whatever is wrong with the link, the answer is 403 and the same. A link of
// another tenant is reported by [tenancy.DB.Refuse]. Each GET, also of a part,
// leaves the event file.downloaded in the tenant's log before the first byte
// goes out, and none goes out if it cannot be written.
//
// Ranges are served; what was changed in the bucket ends the response before
// the wrong part, and shorter than its Content-Length said.
func LinkHandler(s *Store, scope func(context.Context) tenancy.Scope) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		admitted := scope(r.Context())
		if admitted.IsZero() {
			http.Error(w, "sign in first", http.StatusUnauthorized)
			return
		}
		claims, err := s.admitLink(r.Context(), admitted, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
		if err != nil {
			http.Error(w, ErrLink.Error(), http.StatusForbidden)
			return
		}
		s.For(admitted).serve(w, r, claims)
	})
}

// admitLink verifies a link and that it is for this scope.
func (s *Store) admitLink(ctx context.Context, scope tenancy.Scope, token string) (linkClaims, error) {
	c, err := s.verify(token)
	if err != nil {
		return linkClaims{}, err
	}
	if c.tenant != scope.Tenant() {
		// Recorded where it was tried: with the tenant that was asked for.
		_ = s.db.Refuse(ctx, scope.Actor(), c.tenant)
		return linkClaims{}, ErrLink
	}
	if c.account != scope.Actor().UserID {
		return linkClaims{}, ErrLink
	}
	return c, nil
}

func (h *Handle) serve(w http.ResponseWriter, r *http.Request, c linkClaims) {
	f, err := h.Open(r.Context(), c.file)
	if errors.Is(err, ErrNotFound) {
		http.Error(w, "the file is not there any more", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	defer func() { _ = f.Close() }()
	if r.Method == http.MethodGet {
		details := map[string]any{"range": r.Header.Get("Range")}
		if err := audit.Log(r.Context(), h.store.db.For(h.scope), "file.downloaded", "watertight.files", c.file.String(), details); err != nil {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "the download cannot be recorded just now", http.StatusServiceUnavailable)
			return
		}
	}
	SetHeaders(w.Header(), f.File)
	http.ServeContent(w, r, "", f.File.CreatedAt, f)
}

// SetHeaders sets what a browser must be told about a file that somebody
// uploaded: to save it and not show it, not to guess its type, and to run
// nothing in it should it be shown all the same. The type is the uploader's
// word. The entity tag is the id, since content never changes.
func SetHeaders(h http.Header, f File) {
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Disposition", Disposition(f.Name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, no-store")
	h.Set("ETag", `"`+f.ID.String()+`"`)
}

// Disposition returns a Content-Disposition that makes a browser save a file
// under its name (RFC 6266; names outside ASCII by RFC 8187).
func Disposition(name string) string {
	if CheckName(name) != nil {
		name = CleanName(name)
	}
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}
