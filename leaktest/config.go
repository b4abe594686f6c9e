package leaktest

import (
	"errors"
	"runtime"
)

// Config says what to attack and how the application works with it. Only URL
// is needed: the rest is found out, and the report says what was assumed.
type Config struct {
	// URL connects to the database as a role that can copy it and that sees
	// every row: a superuser, or a role with CREATEDB and BYPASSRLS that is a
	// member of the application's role.
	URL string

	// AppRole is the role that the application connects as.
	//
	// Defaults to the user of AppURL, else to the role with the most grants on
	// tenant tables.
	AppRole string

	// AppURL connects as the application. Its role is attacked, with the
	// settings that it gets when it logs in. The password is not needed: the
	// attacks run in the administrator's session, as that role.
	AppURL string

	// TenantColumns are the names of the columns that say whose a row is.
	//
	// Defaults to tenant_id, else to the well-known name that policies use.
	TenantColumns []string

	// TenantSetting is the setting that holds the tenant, such as
	// "app.tenant_id".
	//
	// Defaults to the setting that the policies read.
	TenantSetting string

	// Enter is the statement by which the application enters a tenant, with the
	// tenant as $1, such as "select set_config('app.tenant', $1, true)".
	//
	// Defaults to a signed watertight.enter where Watertight is installed, else
	// to set_config of TenantSetting.
	Enter string

	// Schemas are the schemas to attack. Tables of others that they refer to
	// are filled, and not attacked. Defaults to all.
	Schemas []string

	// Seed is SQL that the suite runs, as the administrator, before it makes
	// rows of its own: rows of shared tables, or values that cannot be invented.
	Seed string

	// Queries are the application's queries, each run as a tenant with the
	// values of another. [ReadQueries] reads the files of sqlc.
	//
	// Defaults to none.
	Queries []Query

	// Attacks are attacks of the team's own, on what is not in the catalogue:
	// sealed values, files, a cache.
	//
	// Defaults to none.
	Attacks []Attack

	// Jobs is how many attacks run at once. Defaults to the number of
	// processors, at most 8.
	Jobs int

	// YesDestroy attacks a database that does not look disposable.
	YesDestroy bool

	// SelfTest plants a leak of each class in the copy and requires that it is
	// caught. Defaults to no.
	SelfTest bool

	// Progress is told after each table and query. Defaults to nobody.
	Progress func(done, total int, what string)
}

func (c Config) validate() error {
	switch {
	case c.URL == "":
		return errors.New("no database was named (set Config.URL)")
	case c.TenantSetting != "" && c.Enter != "":
		return errors.New("the tenant is entered by a setting and by a statement (give one of TenantSetting and Enter)")
	case c.Jobs < 0:
		return errors.New("the number of jobs is negative (leave it 0 for the number of processors)")
	}
	return c.validateAttacks()
}

func (c Config) jobs() int {
	if c.Jobs > 0 {
		return c.Jobs
	}
	return min(runtime.GOMAXPROCS(0), 8)
}
