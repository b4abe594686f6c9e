package page

import (
	"fmt"
	"html/template"
	"time"
)

// functions are what the templates can call. All times are UTC, and say so.
var functions = template.FuncMap{
	"asset":   asset,
	"day":     func(t time.Time) string { return t.UTC().Format("Mon 2 Jan") },
	"week":    func(t time.Time) string { return t.UTC().Format("Mon 2 Jan 2006") },
	"date":    func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"clock":   func(t time.Time) string { return t.UTC().Format("15:04") },
	"when":    func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") + " UTC" },
	"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"size":    size,
}

// size writes a number of bytes as people read it.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
