package main

import "github.com/watertight-go/watertight/tenancy"

func handle(db *tenancy.DB, s tenancy.Scope) *tenancy.Conn {
	return &tenancy.Conn{db: db, scope: s} // want "cannot refer to unexported field db|unknown field db" "cannot refer to unexported field scope|unknown field scope"
}
