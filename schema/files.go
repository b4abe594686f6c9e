package schema

import "io/fs"

// Files returns the migrations, for tools that read schemas without a
// database. A database gets them by [Migrate] only, which knows their order and
// which of them have run.
func Files() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic("schema: the embedded folder is there: " + err.Error())
	}
	return files
}
