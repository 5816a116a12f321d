package config

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
)

// maxSize bounds a configuration, in bytes: some 50,000 services.
const maxSize = 16 << 20

// Load reads, checks and converts the configuration in file. With problems the configuration is nil.
// It does not read zone files.
func Load(file string) (*Config, []Problem) {
	data, problems := readWhole(file)
	if problems != nil {
		return nil, problems
	}
	return Parse(file, data)
}

// readWhole returns what a configuration holds.
func readWhole(file string) ([]byte, []Problem) {
	whole := func(text string) ([]byte, []Problem) { return nil, []Problem{{File: file, Text: text}} }
	f, err := os.Open(file)
	if err != nil {
		return whole("can't be read: " + reason(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return whole("can't be read: " + reason(err))
	}
	if len(data) > maxSize {
		return whole("is larger than 16 MiB: this is no configuration")
	}
	return data, nil
}

// Parse checks and converts the configuration in data. Problems name it file, and paths in it are relative to
// the directory of file. It reads the files that hold tokens, secrets and certificates.
func Parse(file string, data []byte) (*Config, []Problem) {
	r := &report{file: file}
	c := parse(r, filepath.Dir(file), data)
	if len(r.problems) > 0 {
		return nil, r.listed()
	}
	c.Warnings = inOrder(r.warnings)
	digest := sha256.Sum256(data)
	c.Digest = hex.EncodeToString(digest[:])
	return c, nil
}

// parse returns the configuration in data, or nil if it reported a problem.
func parse(r *report, dir string, data []byte) *Config {
	root := document(r, data, "at least one zone")
	if root == nil {
		return nil
	}
	raw := decode(r, root)
	raw.setDefaults()
	raw.checkRules(r)
	raw.readFiles(r, dir)
	if raw.page != nil {
		raw.page.state = raw.state
		raw.page.check(r, dir)
	}
	if len(r.problems) > 0 {
		return nil
	}
	raw.checkSense(r)
	return raw.build(r.file)
}
