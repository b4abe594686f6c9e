package sqlcplugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/token"
	"path"
	"regexp"
	"slices"
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

	// Roles are the team's own roles, beside owner, admin, member, viewer, job
	// and support. Defaults to none.
	Roles []string `json:"roles"`

	// DefaultRoles may run the queries that have no watertight:roles comment:
	// any, or a list. Defaults to any where no query has such a comment; where
	// one has, the others must be covered, or nothing is generated.
	DefaultRoles roleList `json:"default_roles"`
}

// roleList is one role or a list of them.
type roleList []string

func (l *roleList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = roleList{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
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
			return Options{}, fmt.Errorf("options of the plugin: %w (they are package, handle, tenancy, roles, and default_roles)", err)
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
	if err := o.validateRoles(); err != nil {
		return err
	}
	// The path goes into an import declaration between quotes.
	if strings.ContainsAny(o.Tenancy, "\"`\\ \t\r\n") || path.Clean(o.Tenancy) != o.Tenancy {
		return fmt.Errorf("tenancy %q is not an import path (leave it out to use %s)", o.Tenancy, TenancyPath)
	}
	return nil
}

// anyRole stands for every role.
const anyRole = "any"

var (
	roleForm   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	usualRoles = []string{"owner", "admin", "member", "viewer", "job", "support"}
)

func (o Options) validateRoles() error {
	for _, r := range o.Roles {
		if !roleForm.MatchString(r) || r == anyRole {
			return fmt.Errorf("roles: %q cannot be a role (write a-z, 0-9, - and _, and not any)", r)
		}
	}
	if o.DefaultRoles != nil && len(o.DefaultRoles) == 0 {
		return errors.New("default_roles is an empty list (write any, or the roles)")
	}
	for _, r := range o.DefaultRoles {
		switch {
		case r == anyRole && len(o.DefaultRoles) > 1:
			return errors.New("default_roles has any beside other roles (leave one of them out)")
		case r != anyRole && !slices.Contains(usualRoles, r) && !slices.Contains(o.Roles, r):
			return fmt.Errorf("default_roles: %q is a role that nobody has (correct it, or name it in the option roles)", r)
		}
	}
	if o.Handle == CrossTenant && (o.Roles != nil || o.DefaultRoles != nil) {
		return errors.New("the options roles and default_roles mean nothing with handle crosstenant (leave them out)")
	}
	return nil
}
