package lifecycle

// Format is the version of a bundle. Readers refuse one that they do not know.
const Format = "watertight-tenant/1"

// manifestName is the last entry of a bundle.
const manifestName = "manifest.json"

// Manifest says what a bundle holds. It has no time and no host in it: the same
// tenant exports to the same bytes.
type Manifest struct {
	Format   string     `json:"format"`
	Tenant   string     `json:"tenant_id"`
	Schema   string     `json:"schema_sha256"` // of the tables' names, columns and types
	Tables   []TableSum `json:"tables"`        // parents before what refers to them
	Excluded []Excluded `json:"excluded,omitempty"`
	Logs     []Sum      `json:"audit_logs,omitempty"` // the last one is that of the source
	Files    *FilesSum  `json:"files"`                // null: exported without files
}

// TableSum is a table in a bundle. SHA256 is of its lines, all parts together.
type TableSum struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Types   []string `json:"types"`
	Rows    int64    `json:"rows"`
	Sum
}

// Sum is the size and digest of a section of a bundle.
type Sum struct {
	Parts  int    `json:"parts"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// FilesSum is the files in a bundle. SHA256 is of the list of "key, size, digest
// of the content" in the order of the bundle.
type FilesSum struct {
	Count  int64  `json:"count"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Excluded is a tenant table whose rows are not in the bundle.
type Excluded struct {
	Table  string `json:"table"`
	Reason string `json:"reason"`
}
