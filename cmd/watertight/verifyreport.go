package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/watertight-go/watertight/internal/evidence"
)

func verifyReportCommand() *command {
	return &command{
		name:    "verify-report",
		summary: "check a signed report of prove, and files that came with it",
		usage:   "EVIDENCE [FILE...] [--key KEY]",
		help: "verify-report checks the signature of a file that prove --evidence wrote, and that\n" +
			"the files given beside it (the page, JUnit, SARIF) are the ones it was made with.\n" +
			"Without --key it says which key signed, and only you can tell whose that is.\n" +
			"The exit code is 0 if all is genuine, whatever the report says, else 1.",
		example: "  watertight verify-report evidence.json --key signer.pub\n" +
			"  watertight verify-report evidence.json report.html --key MCowBQYDK2Vw…",
		run: runVerifyReport,
	}
}

// maxFiles bounds the files beside the evidence.
const maxFiles = 100

func runVerifyReport(_ context.Context, c *call) error {
	fs := c.flagSet()
	keyText := fs.String("key", "", "`KEY` that must have signed: a PEM file, or what prove printed")
	args, err := c.parse(fs, 1, maxFiles)
	if err != nil {
		return err
	}
	var trusted ed25519.PublicKey
	if *keyText != "" {
		text := *keyText
		if content, err := os.ReadFile(text); err == nil {
			text = string(content)
		}
		if trusted, err = evidence.ParsePublicKey(text); err != nil {
			return err
		}
	}
	file, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read the evidence: %w", err)
	}
	d, key, err := evidence.Open(file, trusted)
	if errors.Is(err, evidence.ErrSignature) || errors.Is(err, evidence.ErrFormat) {
		return findings(fmt.Sprintf("%s is not genuine: %v", args[0], err))
	}
	if err != nil {
		return err
	}
	for _, name := range args[1:] {
		if err := sameFile(d, name); err != nil {
			return err
		}
	}
	leaks, unproved, warnings := d.Count()
	fmt.Fprintf(c.stdout, "genuine: signed with key %s\n", evidence.FormatPublicKey(key))
	if trusted == nil {
		fmt.Fprintln(c.stdout, "who holds that key is not checked (pass --key with the signer's)")
	}
	fmt.Fprintf(c.stdout, "%s, %s: %s, %d leaks, %d not proved, %d warnings\n", d.Date.Format("2006-01-02 15:04:05 MST"), d.Database, d.Verdict, leaks, unproved, warnings)
	return nil
}

// sameFile says whether a file is one that the evidence was made with.
func sameFile(d evidence.Document, name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read a file of the report: %w", err)
	}
	got := evidence.Digest(filepath.Base(name), content)
	if slices.ContainsFunc(d.Files, func(f evidence.Input) bool { return f.SHA256 == got.SHA256 }) {
		return nil
	}
	return findings(fmt.Sprintf("%s is not a file that the evidence was made with, or was changed since", name))
}
