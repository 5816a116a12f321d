package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheCommandToPasteIsTheNameOnlyIfThePathLeadsToIt(t *testing.T) {
	on, off := t.TempDir(), t.TempDir()
	for _, dir := range []string{on, off} {
		if err := os.WriteFile(filepath.Join(dir, "dnsfailover"), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", on)
	if got := nameOnPath(filepath.Join(on, "dnsfailover")); got != "dnsfailover" {
		t.Errorf("on the PATH: %s", got)
	}
	// As with go run, and another dnsfailover installed.
	if got, want := nameOnPath(filepath.Join(off, "dnsfailover")), filepath.Join(off, "dnsfailover"); got != want {
		t.Errorf("elsewhere: %s, want %s", got, want)
	}
	t.Setenv("PATH", t.TempDir())
	if got, want := nameOnPath(filepath.Join(off, "dnsfailover")), filepath.Join(off, "dnsfailover"); got != want {
		t.Errorf("nowhere on the PATH: %s, want %s", got, want)
	}
}
