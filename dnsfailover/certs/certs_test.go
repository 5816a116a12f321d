package certs

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAreTheSameOrNot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cert.pem")
	write := func(text string) fs.FileInfo {
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := write("a")
	again, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if !same(first, again) || !same(nil, nil) || same(first, nil) || same(nil, first) {
		t.Error("what is the same is not, or the other way round")
	}
	write("b")
	if err := os.Chtimes(file, first.ModTime(), first.ModTime()); err != nil {
		t.Fatal(err)
	}
	if again, err = os.Stat(file); err != nil || same(first, again) {
		t.Error("another file of the same time passes for the first")
	}
}
