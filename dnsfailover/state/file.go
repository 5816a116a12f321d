package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	fileName   = "dnsfailover.db"
	bucketName = "state"
	// maxFile bounds what is read into memory. 10,000 checks take about 3 MiB.
	maxFile = 64 << 20
)

// errUnusable is what is wrong with a file that must be moved aside.
type errUnusable struct{ text string }

func (e *errUnusable) Error() string { return e.text }

// read returns the sealed values in the file at path, and its info. The values of a file that is
// damaged, in which case the error is an *errUnusable, are those that are whole. A file that is not there has no info.
func read(path string) (values map[string][]byte, info fs.FileInfo, err error) {
	values = map[string][]byte{}
	info, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil, nil
	}
	if err != nil {
		return values, info, err
	}
	if !info.Mode().IsRegular() {
		return values, info, &errUnusable{"it is not a regular file"}
	}
	if info.Size() > maxFile {
		return values, info, &errUnusable{fmt.Sprintf("it has %d octets, over the %d that are believed", info.Size(), maxFile)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return values, info, err
	}
	values, unusable := examine(data)
	if unusable != nil {
		return values, info, unusable
	}
	return values, info, nil
}

// examine returns the values in a file that are whole, and what is wrong with the file, or nil.
func examine(data []byte) (values map[string][]byte, wrong *errUnusable) {
	values = map[string][]byte{}
	sealed, damage := parse(data, bucketName)
	for key, s := range sealed {
		if value, ok := unseal(key, s); ok {
			values[key] = value
		} else {
			damage = append(damage, fmt.Sprintf("the value of %q is damaged", key))
		}
	}
	h, ok := decodeHeader(values)
	switch {
	case ok && h.Schema != schema:
		return map[string][]byte{}, &errUnusable{fmt.Sprintf("it has schema %d, and this version reads %d", h.Schema, schema)}
	case len(damage) > 0:
		return values, &errUnusable{damage[0]}
	case !ok:
		return values, &errUnusable{"it has no header"}
	case len(values)-1 != h.Values:
		return values, &errUnusable{fmt.Sprintf("it holds %d values of %d", len(values)-1, h.Values)}
	}
	return values, nil
}

// create makes a fresh file that holds values, and returns it open. Until it is whole it has another name. The directory
// may have the new name in memory only.
func create(path string, values map[string][]byte) (*bbolt.DB, error) {
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	db, err := open(draft)
	if err != nil {
		os.Remove(draft)
		return nil, err
	}
	f := file{db: db}
	err = f.write(values)
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		f.shut()
		os.Remove(draft)
		return nil, err
	}
	return db, nil
}

// open opens a file that was read and found whole, or that is not there yet.
func open(path string) (db *bbolt.DB, err error) {
	var file *os.File
	err = guard(func() error {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockTimeout,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				var err error
				file, err = os.OpenFile(name, flag, mode)
				return file, err
			},
		})
		return err
	})
	var unusable *errUnusable
	switch {
	case errors.As(err, &unusable):
		if file != nil {
			file.Close() // bbolt did not get to it; this also gives the lock back
		}
	case errors.Is(err, bolterrors.ErrTimeout):
		err = fmt.Errorf("%w: another process has %s open", ErrLocked, path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		err = &errUnusable{err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// file is the database of a store.
type file struct {
	path   string
	db     *bbolt.DB    // nil: not open
	known  fs.FileInfo  // of the file at path whose contents the store has; nil if there is none
	unread bool         // there is or may be a file that could not be read
	spoilt *errUnusable // why the file at path must be moved aside
	fresh  bool         // a crash of the machine may lose the file: its directory was not synced since it is there
}

// write makes changes in one transaction; a nil value deletes.
func (f *file) write(changes map[string][]byte) error {
	return guard(func() error {
		return f.db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucketName))
			if err != nil {
				return err
			}
			for key, value := range changes {
				if value == nil {
					err = b.Delete([]byte(key))
				} else {
					err = b.Put([]byte(key), seal(key, value))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// keep makes sure that the directory has the file on the disk.
func (f *file) keep() error {
	if !f.fresh {
		return nil
	}
	err := syncDirectory(filepath.Dir(f.path))
	f.fresh = err != nil
	return err
}

// shut closes the file if it is open.
func (f *file) shut() {
	if f.db != nil {
		_ = guard(f.db.Close)
		f.db = nil
	}
}

// guard runs f, which reads memory that is mapped from a file, and makes an *errUnusable of a fault or a panic.
// After one, nothing may be done with the database any more, not even closing: its locks may be held.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &errUnusable{fmt.Sprintf("reading it failed: %v", p)}
		}
	}()
	return f()
}

// quarantine moves what is at path aside and returns its new name.
func quarantine(path string, now time.Time) (string, error) {
	base := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	for n, aside := 2, base; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, os.Rename(path, aside)
		} else if err != nil {
			return "", err
		}
		aside = fmt.Sprintf("%s-%d", base, n)
	}
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
