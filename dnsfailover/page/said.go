package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// order is what an operator has said of a site.
type order struct {
	Mode    string     `json:"mode"` // pause, resume or stop
	Message string     `json:"message,omitempty"`
	Until   *time.Time `json:"until,omitempty"` // of a stop: when it ends; nil: when something else is said
	Author  string     `json:"author"`
	Since   time.Time  `json:"since"`
}

// holds says that an order hasn't ended.
func (o order) holds(now time.Time) bool { return o.Until == nil || now.Before(*o.Until) }

// said keeps orders, by the label of their site, over restarts.
type said struct {
	path string

	mu     sync.Mutex
	orders map[string]order
}

// stateName is the file in the state directory.
const stateName = "page.json"

// recall reads what was said before. A file that is damaged is moved aside: the page host is needed just when much goes wrong.
func recall(dir string, log *slog.Logger) (*said, error) {
	s := &said{path: filepath.Join(dir, stateName), orders: map[string]order{}}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if err := json.Unmarshal(data, &s.orders); err != nil {
		aside := s.path + ".damaged"
		log.Error("state is damaged, what was said of sites is forgotten", "moved to", aside, "error", err)
		if err := os.Rename(s.path, aside); err != nil {
			return nil, fmt.Errorf("state: %w", err)
		}
		s.orders = map[string]order{}
	}
	return s, nil
}

func (s *said) of(site string) (order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[site]
	return o, ok
}

// say takes an order; nil takes it back. It is on the disk when say returns.
func (s *said) say(site string, o *order) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.orders)
	if o == nil {
		delete(next, site)
	} else {
		next[site] = *o
	}
	data, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(s.path, append(data, '\n')); err != nil {
		return err
	}
	s.orders = next
	return nil
}

// replace writes a file so that it is whole at any instant, whatever happens.
func replace(path string, data []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
