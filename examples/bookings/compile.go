package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// compile gives a program to the Go compiler and returns its first complaint.
// ran is false where there is no compiler or no source, as in an installed
// binary.
func compile(ctx context.Context, file string) (message string, ran bool) {
	_, here, _, ok := runtime.Caller(0)
	program := filepath.Join(filepath.Dir(here), file)
	if _, err := os.Stat(program); !ok || err != nil {
		return "the source is not here", false
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return "there is no Go compiler here", false
	}
	cmd := exec.CommandContext(ctx, goTool, "build", "-o", os.DevNull, program)
	cmd.Dir = filepath.Dir(here)
	output, err := cmd.CombinedOutput()
	if err == nil {
		return "it compiles", true
	}
	for line := range strings.Lines(string(output)) {
		if at := strings.Index(line, "cannot use"); at >= 0 {
			return strings.TrimSpace(line[at:]), true
		}
	}
	return strings.TrimSpace(string(output)), true
}
