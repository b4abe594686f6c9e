// Package pgtest gives tests a real PostgreSQL.
package pgtest
