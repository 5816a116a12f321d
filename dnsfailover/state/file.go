package state

import (
	"errors"
	"fmt"
	"io/fs"

	"dnsfailover/dnsfailover/vault"
)

const (
	fileName   = "dnsfailover.db"
	bucketName = "state"
	// maxFile bounds what is read into memory. 10,000 checks take about 3 MiB.
	maxFile = 64 << 20
)

// read returns the values in the file at path, and its info. The values of a file that is
// damaged, in which case the error is a *vault.Unusable, are those that are whole. A file that is not there has no info.
func read(path string) (values map[string][]byte, info fs.FileInfo, err error) {
	values, info, err = vault.Read(path, bucketName, maxFile)
	unusable := (*vault.Unusable)(nil)
	if info == nil || err != nil && !errors.As(err, &unusable) {
		return values, info, err
	}
	if values, unusable = judge(values, unusable); unusable != nil {
		return values, info, unusable
	}
	return values, info, nil
}

// judge looks at the header of a file's values, with which damage was found, or nil. It returns those that can be used and
// what is wrong, or nil.
func judge(values map[string][]byte, damage *vault.Unusable) (map[string][]byte, *vault.Unusable) {
	h, ok := decodeHeader(values)
	switch {
	case ok && h.Schema != schema:
		return map[string][]byte{}, &vault.Unusable{Text: fmt.Sprintf("it has schema %d, and this version reads %d", h.Schema, schema)}
	case damage != nil:
		return values, damage
	case !ok:
		return values, &vault.Unusable{Text: "it has no header"}
	case len(values)-1 != h.Values:
		return values, &vault.Unusable{Text: fmt.Sprintf("it holds %d values of %d", len(values)-1, h.Values)}
	}
	return values, nil
}

// file is the database of a store.
type file struct {
	path   string
	db     *vault.File     // nil: not open
	known  fs.FileInfo     // of the file at path whose contents the store has; nil if there is none
	unread bool            // there is or may be a file that could not be read
	spoilt *vault.Unusable // why the file at path must be moved aside
	fresh  bool            // a crash of the machine may lose the file: its directory was not synced since it is there
}

// open opens the file, which was read and found whole.
func (f *file) open() error {
	db, err := vault.Open(f.path, bucketName)
	if errors.Is(err, vault.ErrInUse) {
		return fmt.Errorf("%w: another process has %s open", ErrLocked, f.path)
	}
	f.db = db
	return err
}

// keep makes sure that the directory has the file on the disk.
func (f *file) keep() error {
	if !f.fresh {
		return nil
	}
	err := vault.Keep(f.path)
	f.fresh = err != nil
	return err
}

// shut closes the file if it is open.
func (f *file) shut() {
	if f.db != nil {
		_ = f.db.Close()
		f.db = nil
	}
}
