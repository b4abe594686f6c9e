// Package scaffold writes new projects: a module with one protected table, its
// queries, a program that runs the first of them, the leak suite, and the file
// that makes GitHub run all of it.
//
// The files are those of the folder project, as templates of text/template with
// [[ and ]] around what is filled in, because {{ and }} belong to GitHub.
package scaffold
