package main

import "github.com/watertight-go/watertight/tenancy"

func move(s tenancy.Scope, id tenancy.ID) tenancy.Scope {
	s.tenant = id // want "s.tenant undefined"
	return s
}
