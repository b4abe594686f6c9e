package main

import "github.com/watertight-go/watertight/tenancy"

func scope(id tenancy.ID) tenancy.Scope {
	return tenancy.Scope{tenant: id} // want "cannot refer to unexported field tenant|unknown field tenant"
}
