package history

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/vault"
)

const (
	fileName   = "history.db"
	bucketName = "history"
	// maxFile bounds what is read at the start, when the file is examined.
	maxFile = 256 << 20

	keySchema = "!schema"
	schema    = "1"
)

// class is a kind of events that is bounded by itself: the first octet of their keys.
type class byte

const (
	actions  class = 'a' // what operators did, starts and stops
	changes  class = 'c' // of what is served
	verdicts class = 'v'
)

var classes = []class{actions, changes, verdicts}

func classOf(kind string) class {
	switch kind {
	case api.EventVerdict:
		return verdicts
	case api.EventSelection, api.EventOverrideEnd, api.EventWindowStart, api.EventWindowEnd, api.EventFrozen, api.EventThawed:
		return changes
	}
	return actions
}

func (l Limits) of(c class) int {
	switch c {
	case actions:
		return l.Actions
	case changes:
		return l.Changes
	}
	return l.Verdicts
}

// key returns that of an event: events of a class are in the order of their IDs.
func key(c class, id uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte{byte(c)}, id))
}

// idOf returns the ID in a key of the class; false if it is another's.
func idOf(c class, key string) (uint64, bool) {
	if len(key) != 9 || key[0] != byte(c) {
		return 0, false
	}
	return binary.BigEndian.Uint64([]byte(key[1:])), true
}

// load makes sure that the file is open, is the one in the directory, and can be trusted. One that can't is moved aside, and a new one
// begins with what was whole in it. Only the writer calls it, and Open before there is one.
func (h *History) load() error {
	h.mu.Lock()
	spoilt := h.spoilt
	h.mu.Unlock()
	info, err := os.Stat(h.path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return err
	case h.file != nil && spoilt == nil && !missing && os.SameFile(info, h.known):
		return nil
	case h.file != nil && spoilt == nil:
		old := h.file
		h.use(nil, nil)
		_ = old.Close()
		h.note(fmt.Sprintf("%s was removed or replaced while the server ran", h.path))
	default:
		h.use(nil, nil) // of one that is spoilt nothing may be done any more
	}
	values, info, err := vault.Read(h.path, bucketName, maxFile)
	var unusable *vault.Unusable
	if err != nil && !errors.As(err, &unusable) {
		return err
	}
	if s, ok := values[keySchema]; ok && string(s) != schema {
		values, unusable = nil, &vault.Unusable{Text: fmt.Sprintf("it has schema %s, and this version reads %s", s, schema)}
	}
	if unusable == nil {
		unusable = spoilt
	}
	if unusable != nil && info != nil {
		aside, err := vault.Quarantine(h.path, time.Now())
		if err != nil {
			return fmt.Errorf("%s can't be used, since %s, nor moved aside: %w", h.path, unusable.Text, err)
		}
		h.note(fmt.Sprintf("%s could not be used, since %s: it is now %s, and a new file holds what was whole in it, %d events",
			h.path, unusable.Text, filepath.Base(aside), events(values)))
		info = nil
	}
	h.count(values)
	var file *vault.File
	if info != nil {
		file, err = vault.Open(h.path, bucketName)
	} else {
		file, err = h.begin(values)
	}
	if errors.As(err, &unusable) {
		h.spoil(unusable)
	}
	if err != nil {
		return err
	}
	file.Growing = true
	if info, err = os.Stat(h.path); err != nil {
		return err
	}
	h.use(file, info)
	return nil
}

// begin makes a new file with values.
func (h *History) begin(values map[string][]byte) (*vault.File, error) {
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return nil, err
	}
	if values == nil {
		values = map[string][]byte{}
	}
	values[keySchema] = []byte(schema)
	file, err := vault.Create(h.path, bucketName, values)
	if err == nil {
		err = vault.Keep(h.path)
	}
	return file, err
}

// use makes file the one that is written and read; nil is none.
func (h *History) use(file *vault.File, info fs.FileInfo) {
	h.files.Lock()
	h.file, h.known = file, info
	h.files.Unlock()
	h.mu.Lock()
	h.spoilt = nil
	h.mu.Unlock()
}

// spoil has the writer move the file aside before the next write.
func (h *History) spoil(why *vault.Unusable) {
	h.mu.Lock()
	h.spoilt = why
	h.mu.Unlock()
	h.signal()
}

// count takes from a file's values how many events there are, and the last ID. IDs that were given already move behind it.
func (h *History) count(values map[string][]byte) {
	clear(h.counts)
	h.mu.Lock()
	defer h.mu.Unlock()
	last := uint64(0)
	for k := range values {
		for _, c := range classes {
			if id, ok := idOf(c, k); ok {
				h.counts[c]++
				last = max(last, id)
			}
		}
	}
	for i := range h.pending {
		h.pending[i].ID = max(h.pending[i].ID, last+1)
		last = h.pending[i].ID
	}
	h.last = max(h.last, last)
}

// events counts those in a file's values.
func events(values map[string][]byte) int {
	n := len(values)
	if _, ok := values[keySchema]; ok {
		n--
	}
	return n
}

// encode returns an event as it is stored; all can be.
func encode(e api.Event) []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic("history: " + err.Error())
	}
	return b
}
