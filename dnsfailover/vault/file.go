package vault

import (
	"bytes"
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

// ErrInUse says that another process has a file open.
var ErrInUse = errors.New("another process has it open")

const lockTimeout = time.Second

// File is an open file with one bucket. After an *Unusable from one of its methods nothing may be done with it any more, not even
// closing.
type File struct {
	bolt   *bbolt.DB
	bucket []byte
	// Growing says that most keys that are added lie behind all others, so that pages needn't keep room for more.
	Growing bool
}

// Open opens a file that was read and found whole, or that is not there yet.
func Open(path, bucket string) (*File, error) {
	var file *os.File
	var db *bbolt.DB
	err := guard(func() (err error) {
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
	var unusable *Unusable
	switch {
	case errors.As(err, &unusable):
		if file != nil {
			file.Close() // bbolt did not get to it; this also gives the lock back
		}
	case errors.Is(err, bolterrors.ErrTimeout):
		err = fmt.Errorf("%s: %w", path, ErrInUse)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		err = &Unusable{err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return &File{bolt: db, bucket: []byte(bucket)}, nil
}

// Create makes a fresh file that holds values, and returns it open. Until it is whole it has another name. The directory
// may have the new name in memory only.
func Create(path, bucket string, values map[string][]byte) (*File, error) {
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := Open(draft, bucket)
	if err != nil {
		os.Remove(draft)
		return nil, err
	}
	err = f.Write(values)
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		_ = f.Close()
		os.Remove(draft)
		return nil, err
	}
	return f, nil
}

// Write makes changes in one transaction, which is on the disk when it returns; a nil value deletes.
func (f *File) Write(changes map[string][]byte) error {
	return guard(func() error {
		return f.bolt.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(f.bucket)
			if err != nil {
				return err
			}
			if f.Growing {
				b.FillPercent = 0.95
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

// Up calls each for the values from the key low on, in order, until it returns false. Values that are damaged are left out.
// The value is good until each returns.
func (f *File) Up(low string, each func(key string, value []byte) bool) error {
	return f.scan(each, func(c *bbolt.Cursor) ([]byte, []byte) { return c.Seek([]byte(low)) }, (*bbolt.Cursor).Next)
}

// Down is Up for the values before the key high, from the last one on.
func (f *File) Down(high string, each func(key string, value []byte) bool) error {
	return f.scan(each, func(c *bbolt.Cursor) ([]byte, []byte) {
		if key, _ := c.Seek([]byte(high)); key == nil {
			return c.Last()
		}
		return c.Prev()
	}, (*bbolt.Cursor).Prev)
}

func (f *File) scan(each func(key string, value []byte) bool, first, next func(*bbolt.Cursor) ([]byte, []byte)) error {
	return guard(func() error {
		return f.bolt.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket(f.bucket)
			if b == nil {
				return nil
			}
			c := b.Cursor()
			for key, sealed := first(c); key != nil; key, sealed = next(c) {
				value, ok := unseal(string(key), sealed)
				if ok && !each(string(key), bytes.Clone(value)) {
					return nil
				}
			}
			return nil
		})
	})
}

// Close gives the file back.
func (f *File) Close() error { return guard(f.bolt.Close) }

// guard runs f, which reads memory that is mapped from a file, and makes an *Unusable of a fault or a panic:
// locks of the database may be held after one.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &Unusable{fmt.Sprintf("reading it failed: %v", p)}
		}
	}()
	return f()
}

// Quarantine moves what is at path aside and returns its new name.
func Quarantine(path string, now time.Time) (string, error) {
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

// Keep makes sure that the directory of path has its name on the disk.
func Keep(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
