package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// order is what an operator has said of a site.
type order struct {
	Mode    string     `json:"mode"`  // pause, resume or stop
	Names   []string   `json:"names"` // that the site had then, "*" for that of all others
	Message string     `json:"message,omitempty"`
	Until   *time.Time `json:"until,omitempty"` // when it ends; nil: when something else is said
	Author  string     `json:"author"`
	Since   time.Time  `json:"since"`
}

// holds says that an order hasn't ended.
func (o order) holds(now time.Time) bool { return o.Until == nil || now.Before(*o.Until) }

// end says when it ends, behind who said it.
func (o order) end() string {
	if o.Until == nil {
		return ""
	}
	return " until " + stamp(*o.Until)
}

// about says that an order was about one of the names.
func (o order) about(names ...string) bool {
	return slices.ContainsFunc(o.Names, func(n string) bool { return slices.Contains(names, n) })
}

// said keeps orders over restarts. They are about names: a configuration may come in which those are put in another order, or into
// other hosts.
type said struct {
	path string

	mu     sync.Mutex
	orders []order // each name is in one of them at most
}

// stateName is the file in the state directory.
const stateName = "page.json"

// recall reads what was said before. A file that is damaged is moved aside: the page host is needed just when much goes wrong.
func recall(dir string, log *slog.Logger) (*said, error) {
	s := &said{path: filepath.Join(dir, stateName)}
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
	var byName map[string]order
	if err := json.Unmarshal(data, &byName); err != nil {
		aside := s.path + ".damaged"
		log.Error("state is damaged, what was said of sites is forgotten", "moved to", aside, "error", err)
		if err := os.Rename(s.path, aside); err != nil {
			return nil, fmt.Errorf("state: %w", err)
		}
		return s, nil
	}
	for name, o := range byName {
		if len(o.Names) == 0 {
			o.Names = []string{name}
		}
		s.orders = append(s.orders, o)
	}
	return s, nil
}

// of returns the order that holds for a site with these names: of several, which those of other hosts before can leave, the newest.
func (s *said) of(now time.Time, names ...string) (newest order, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		if o.about(names...) && o.holds(now) && (!ok || o.Since.After(newest.Since)) {
			newest, ok = o, true
		}
	}
	return newest, ok
}

// say takes an order for a site of w with these names in place of those before; nil takes them back. It is on the disk when say returns.
func (s *said) say(w *world, o *order, now time.Time, names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next []order
	for _, before := range s.orders {
		if before.about(names...) { // it holds on for the other sites that it was about
			before.Names = slices.DeleteFunc(slices.Clone(before.Names), func(n string) bool { return slices.Contains(names, n) || !w.has(n) })
		}
		if len(before.Names) > 0 && before.holds(now) {
			next = append(next, before)
		}
	}
	if o != nil {
		o.Names = names
		next = append(next, *o)
	}
	byName := map[string]order{}
	for _, o := range next {
		byName[o.Names[0]] = o
	}
	data, err := json.MarshalIndent(byName, "", "  ")
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
