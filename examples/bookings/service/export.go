package service

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
)

// Exports lists who took copies of the tenant, for owners.
func (b *Bookings) Exports(ctx context.Context, s tenancy.Scope) ([]store.ListExportsRow, error) {
	return b.in(s).ListExports(ctx, s.Tenant())
}

// BeginExport records that a copy of the tenant is about to be taken, and says
// whether this person may: an owner, which the query checks. The exporter works
// as another database role and would not ask.
func (b *Bookings) BeginExport(ctx context.Context, s tenancy.Scope) (*Export, error) {
	by := s.Actor().UserID
	id, err := b.in(s).RecordExport(ctx, s.Tenant(), &by)
	if err != nil {
		return nil, err
	}
	return &Export{ID: id, scope: s, from: b.cfg.Exporter}, nil
}

// Export is a copy that may be taken, once.
type Export struct {
	ID uuid.UUID

	scope tenancy.Scope
	from  Exporter
}

// Send answers a request with the bundle, as package lifecycle describes it:
// rows, files and the audit log of the scope's tenant. It goes out while it is
// read, so nothing of it lies on a disk here. An error in the middle breaks the
// connection; the bundle's last entry is its manifest, so one that was cut off
// is noticed.
func (e *Export) Send(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set("Content-Disposition", files.Disposition("export-"+e.scope.Tenant().String()+".tar"))
	if _, err := e.from.Export(r.Context(), e.scope.Actor(), e.scope.Tenant(), w, lifecycle.ExportConfig{}); err != nil {
		slog.ErrorContext(r.Context(), "an export was cut off", "error", err)
		panic(http.ErrAbortHandler)
	}
}
