package main

import "github.com/watertight-go/watertight/tenancy"

func handle(db *tenancy.DB, s tenancy.Scope) *tenancy.Conn {
	return db.For(s)
}
