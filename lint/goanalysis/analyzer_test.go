package goanalysis

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

func TestAnalyzer(t *testing.T) {
	if err := Analyzer.Flags.Set("allow", "example.com/x, allowed"); err != nil {
		t.Fatal(err)
	}
	analysistest.Run(t, analysistest.TestData(), Analyzer, "app", "allowed")
}

func TestMayPass(t *testing.T) {
	allowed = "a/b, c/..."
	for path, want := range map[string]bool{
		"a/b": true, "a/b/d": false, "a": false, "c": true, "c/d/e": true, "cd": false, "a/b [a/b.test]": true,
		module + "/files": true, module + "ish": false,
	} {
		if got := mayPass(path); got != want {
			t.Errorf("mayPass(%q) = %v", path, got)
		}
	}
}
