package main

import (
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy"
)

func queries(c *tenancy.Conn) *platform.Queries {
	return platform.New(c) // want "cannot use c .* as platform.DBTX value"
}
