package sqlcplugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Request is what sqlc asks of a plugin: the catalogue it made of the schema
// files, and the queries it parsed. The names of the keys are fixed by sqlc.
type Request struct {
	Settings      Settings `json:"settings"`
	Catalog       Catalog  `json:"catalog"`
	Queries       []Query  `json:"queries"`
	SqlcVersion   string   `json:"sqlc_version"`
	PluginOptions []byte   `json:"plugin_options"` // JSON, base64 in the request

	// Roles are the roles that may run each query, by its name. sqlc does not
	// send them; the gate that reads the query files fills them in.
	Roles map[string][]string `json:"-"`
}

// Settings repeats the sql block of sqlc.yaml that called the plugin. The paths
// are as they stand in the file, relative to its folder.
type Settings struct {
	Engine  string   `json:"engine"`
	Schema  []string `json:"schema"`
	Queries []string `json:"queries"`
	Codegen Codegen  `json:"codegen"`
}

// Codegen is the codegen entry of the sql block.
type Codegen struct {
	Out     string `json:"out"`
	Plugin  string `json:"plugin"`
	Options []byte `json:"options"`
}

// Catalog is the schema as sqlc understood it.
type Catalog struct {
	DefaultSchema string   `json:"default_schema"`
	Schemas       []Schema `json:"schemas"`
}

// Schema is one schema of a [Catalog].
type Schema struct {
	Name   string  `json:"name"`
	Tables []Table `json:"tables"`
}

// Table is a table, view, or materialised view: sqlc does not tell them apart.
type Table struct {
	Rel     Identifier `json:"rel"`
	Columns []Column   `json:"columns"`
}

// Identifier is a name in the catalogue. Schema may be empty for the default
// schema.
type Identifier struct {
	Catalog string `json:"catalog"`
	Schema  string `json:"schema"`
	Name    string `json:"name"`
}

// Column is a column of a table or of a result, or what a parameter stands for.
type Column struct {
	Name         string      `json:"name"`
	OriginalName string      `json:"original_name"`
	NotNull      bool        `json:"not_null"`
	IsArray      bool        `json:"is_array"`
	IsNamedParam bool        `json:"is_named_param"`
	IsSqlcSlice  bool        `json:"is_sqlc_slice"`
	Table        *Identifier `json:"table"`
	Type         *Identifier `json:"type"`
}

// Query is one named query. Text has its stars expanded and its parameters
// numbered, and neither the name line nor the comments.
type Query struct {
	Text            string      `json:"text"`
	Name            string      `json:"name"`
	Cmd             string      `json:"cmd"`
	Columns         []Column    `json:"columns"`
	Params          []Parameter `json:"params"`
	Comments        []string    `json:"comments"`
	Filename        string      `json:"filename"` // without folder
	InsertIntoTable *Identifier `json:"insert_into_table"`
}

// Parameter is one numbered parameter of a [Query].
type Parameter struct {
	Number int32  `json:"number"`
	Column Column `json:"column"`
}

// File is one file of the answer.
type File struct {
	Name     string `json:"name"`
	Contents []byte `json:"contents"`
}

// response is the answer to a [Request].
type response struct {
	Files []File `json:"files"`
}

// ReadRequest reads the JSON form of a request. It refuses one without queries:
// sqlc never sends it, so it means a key that was renamed, and a gate that sees
// no query would pass everything.
func ReadRequest(r io.Reader) (*Request, error) {
	var req Request
	if err := json.NewDecoder(r).Decode(&req); err != nil {
		return nil, fmt.Errorf("read the request of sqlc: %w (the plugin wants format: json in sqlc.yaml)", err)
	}
	if len(req.Queries) == 0 {
		return nil, errors.New("the request of sqlc has no queries (the plugin knows sqlc v1.31.1; run it through watertight generate)")
	}
	return &req, nil
}
