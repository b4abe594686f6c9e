package pgtest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
)

const (
	// oldest is the first major version that Watertight supports.
	oldest = 15

	// envVersion asks for one major version, for a CI matrix.
	envVersion = "WATERTIGHT_PG_VERSION"
)

// Config says what kind of database a test wants. The zero value is a database
// with Watertight's schema on whatever supported server is found first.
type Config struct {
	// Version is the major version of PostgreSQL, such as 16. A server of
	// another version is passed over, also one that DATABASE_URL names.
	//
	// Defaults to WATERTIGHT_PG_VERSION, and without it to any version from 15.
	Version int

	// Empty leaves Watertight's schema out, for tests that bring their own
	// tables. The database then has no migrator, app or system role either:
	// see [Database.Login].
	Empty bool

	// Setup is SQL to run after the schema, as the migrator (in an Empty
	// database: as the administrator). Each element may hold several statements.
	// It runs once per process, in the template: tests with the same Setup
	// share the result and pay for a copy only.
	Setup []string

	// Settings are more of the server's, such as "max_connections=500". They are
	// for [Start], and for a server that it starts: one that others share stays
	// as it is.
	Settings []string

	// OnDisk keeps the data of a server that [Start] starts in the temporary
	// folder instead of in memory, for more data than fits there.
	OnDisk bool
}

// own reports whether the server is not one that tests can share.
func (c Config) own() bool { return len(c.Settings) > 0 || c.OnDisk }

// bases lists where the server's folder may be made, best first.
func (c Config) bases() []string {
	list := bases()
	if c.OnDisk {
		return slices.DeleteFunc(list, func(dir string) bool { return dir == memory })
	}
	return list
}

// settings are ours and then the caller's, which win.
func (c Config) settings() []string { return slices.Concat(settings, c.Settings) }

// resolve fills in the version from the environment and refuses what cannot be.
func (c Config) resolve() (Config, error) {
	if c.Version == 0 {
		if text := os.Getenv(envVersion); text != "" {
			version, err := strconv.Atoi(text)
			if err != nil {
				return c, fmt.Errorf("%s is %q, not a major version (set it to a number such as 17)", envVersion, text)
			}
			c.Version = version
		}
	}
	if c.Version != 0 && c.Version < oldest {
		return c, fmt.Errorf("PostgreSQL %d is not supported (ask for %d or newer)", c.Version, oldest)
	}
	return c, nil
}

// accepts reports whether a server of this major version will do.
func (c Config) accepts(version int) bool {
	if c.Version != 0 {
		return version == c.Version
	}
	return version >= oldest
}

// wanted names the version for messages.
func (c Config) wanted() string {
	if c.Version != 0 {
		return fmt.Sprintf("PostgreSQL %d", c.Version)
	}
	return fmt.Sprintf("PostgreSQL %d or newer", oldest)
}
