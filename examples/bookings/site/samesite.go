package site

import (
	"log/slog"
	"net/http"

	"github.com/watertight-go/watertight/examples/bookings/page"
)

// sameSite refuses what another site made the browser send (CSRF), signing in
// and out included. Every browser that can send these forms says where they come
// from, so one that does not say is refused, too; http.CrossOriginProtection
// alone would take it for a program. Programs have the API, which takes no
// cookies.
func sameSite(next http.Handler, book *page.Book) http.Handler {
	protection := http.NewCrossOriginProtection()
	refused := &page.Page{Title: "Refused", Body: "This form was sent from another site. Nothing was done."}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		silent := r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == ""
		if safe || !silent && protection.Check(r) == nil {
			next.ServeHTTP(w, r)
			return
		}
		if err := book.Show(w, http.StatusForbidden, "message", refused); err != nil {
			slog.ErrorContext(r.Context(), "a page failed", "error", err)
		}
	})
}
