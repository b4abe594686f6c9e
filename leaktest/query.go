package leaktest

// A Query is one statement of the application, as sqlc reads it.
type Query struct {
	Name string
	File string
	Line int
	SQL  string // with $1, $2 …

	// Tenant is the number of the parameter that is the tenant, 0 if there is
	// none.
	Tenant int
}
