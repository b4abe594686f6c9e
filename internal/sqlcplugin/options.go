package sqlcplugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/token"
	"path"
	"strings"
)

// TenancyPath is the import path of package tenancy.
const TenancyPath = "github.com/watertight-go/watertight/tenancy"

// Handle says which sealed handle the queries of a package run on.
type Handle string

const (
	// Tenant queries run on *tenancy.Conn: inside one admitted tenant.
	Tenant Handle = "tenant"
	// CrossTenant queries run on *crosstenant.Conn: another role, with a reason.
	CrossTenant Handle = "crosstenant"
)

// Options are the options of the plugin in sqlc.yaml.
type Options struct {
	// Package is the Go package of db.go. Defaults to the last element of the
	// out folder, as sqlc's own does.
	Package string `json:"package"`

	// Handle is what DBTX stands for. Defaults to [Tenant].
	Handle Handle `json:"handle"`

	// Tenancy is the import path of package tenancy, for those who vendor it
	// under another name. Defaults to [TenancyPath].
	Tenancy string `json:"tenancy"`
}

// Options returns the options of the request with their defaults filled in. An
// unknown option is an error.
func (r *Request) Options() (Options, error) {
	var o Options
	raw := r.PluginOptions
	if len(raw) == 0 {
		raw = r.Settings.Codegen.Options
	}
	// Without options in sqlc.yaml the field is absent, "{}", or "null",
	// depending on how the block is written.
	if s := strings.TrimSpace(string(raw)); s != "" && s != "null" {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&o); err != nil {
			return Options{}, fmt.Errorf("options of the plugin: %w (they are package, handle, and tenancy)", err)
		}
	}
	if o.Package == "" {
		o.Package = path.Base(r.Settings.Codegen.Out)
	}
	if o.Handle == "" {
		o.Handle = Tenant
	}
	if o.Tenancy == "" {
		o.Tenancy = TenancyPath
	}
	return o, o.validate()
}

func (o Options) validate() error {
	if !token.IsIdentifier(o.Package) {
		return fmt.Errorf("package %q is not a Go package name (set options.package of the plugin)", o.Package)
	}
	if o.Handle != Tenant && o.Handle != CrossTenant {
		return fmt.Errorf("handle %q is unknown (write tenant or crosstenant)", o.Handle)
	}
	// The path goes into an import declaration between quotes.
	if strings.ContainsAny(o.Tenancy, "\"`\\ \t\r\n") || path.Clean(o.Tenancy) != o.Tenancy {
		return fmt.Errorf("tenancy %q is not an import path (leave it out to use %s)", o.Tenancy, TenancyPath)
	}
	return nil
}
