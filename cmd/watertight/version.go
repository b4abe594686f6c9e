package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/watertight-go/watertight/internal/generator"
)

func versionCommand() *command {
	return &command{
		name:    "version",
		summary: "print the version of this program",
		help:    "version prints what the program was built from: the version of the module, the\ncommit and its time where the build recorded them, the version of Go, and the\nversion of sqlc that generate runs.",
		example: "  watertight version",
		run:     runVersion,
	}
}

func runVersion(_ context.Context, c *call) error {
	if _, err := c.parse(c.flagSet(), 0, 0); err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	printVersion(c.stdout, info)
	return nil
}

func printVersion(w io.Writer, info *debug.BuildInfo) {
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	fmt.Fprintf(w, "watertight %s\n", version)
	if rev := settings["vcs.revision"]; rev != "" {
		if settings["vcs.modified"] == "true" {
			rev += " with local changes"
		}
		fmt.Fprintf(w, "commit     %s\n", rev)
	}
	if at := settings["vcs.time"]; at != "" {
		fmt.Fprintf(w, "committed  %s\n", at)
	}
	fmt.Fprintf(w, "go         %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(w, "sqlc       %s\n", generator.SqlcVersion)
}
