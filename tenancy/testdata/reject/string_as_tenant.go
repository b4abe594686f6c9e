package main

import "github.com/watertight-go/watertight/tenancy"

var id tenancy.ID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8" // want "cannot use .* as tenancy.ID value"
