package main

import "github.com/watertight-go/watertight/tenancy"

var id, err = tenancy.ParseID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
