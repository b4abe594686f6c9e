package main

import (
	"context"
	"fmt"

	"github.com/watertight-go/watertight/schema"
)

func ddlCommand() *command {
	return &command{
		name:    "ddl",
		summary: "print the statements that protect a table, for review",
		usage:   "[URL] TABLE...",
		help: `ddl prints what select watertight.protect('TABLE') would run on each table of a
database that Watertight is installed in, and changes nothing: row-level security
and FORCE, the policies, the grants, and the trigger that keeps a row with its
tenant. A table that cannot be protected is an error that says why.

A table in another schema than public is written schema.table. URL may come from
DATABASE_URL instead.

The statements are those of the database's own profile. --profile citus prints what
a Citus cluster would run, from any database: docs/citus.md.`,
		example: `  watertight ddl postgres://postgres@localhost/app bookings rooms
  watertight ddl postgres://postgres@localhost/app app.bookings --tenant-column account_id > protect.sql
  watertight ddl postgres://postgres@localhost/app bookings --profile citus`,
		run: runDDL,
	}
}

// maxTables bounds the arguments of one call; nobody reviews more at once.
const maxTables = 10_000

func runDDL(ctx context.Context, c *call) error {
	fs := c.flagSet()
	column := fs.String("tenant-column", "tenant_id", "`COLUMN` that holds the tenant")
	profile := profileFlag(fs)
	args, err := c.parse(fs, 1, maxTables)
	if err != nil {
		return err
	}
	var first []string
	if isURL(args[0]) || isKeywords(args[0]) {
		first, args = args[:1], args[1:]
	}
	if len(args) == 0 {
		return usageError{"no table was named"}
	}
	url, err := c.databaseURL(first)
	if err != nil {
		return err
	}
	statementsOf := schema.ProtectDDL
	switch schema.Profile(*profile) {
	case schema.ProfilePlain:
		statementsOf = schema.PlainDDL
	case schema.ProfileCitus:
		statementsOf = schema.CitusDDL
	}
	for _, table := range args {
		statements, err := statementsOf(ctx, url, table, *column)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "-- %s\n", table)
		for _, s := range statements {
			fmt.Fprintf(c.stdout, "%s;\n", s)
		}
	}
	return nil
}
