package platform

import _ "embed"

// SchemaSQL makes the service's own tables, after Watertight's migrations.
//
//go:embed schema.sql
var SchemaSQL string
