// Package files keeps files of customers in a bucket, and keeps them apart like
// rows: what is known of a file stands in Postgres under row-level security,
// its content in a directory or a cloud's bucket, sealed with a key of its
// tenant.
package files
