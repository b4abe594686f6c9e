package main

import (
	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

func queries(c *crosstenant.Conn) *platform.Queries {
	return platform.New(c)
}
