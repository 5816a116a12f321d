package state

import (
	"context"
	"time"
)

// Window is a planned period in which a service is switched to a target, once.
type Window struct {
	Service string    `json:"service"`
	Target  string    `json:"target"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Since   time.Time `json:"since"` // when it was planned
	Reason  string    `json:"reason,omitempty"`
	Author  string    `json:"author,omitempty"`
}

func (w Window) normal() Window {
	w.Start, w.End, w.Since = w.Start.Round(0).UTC(), w.End.Round(0).UTC(), w.Since.Round(0).UTC()
	return w
}

const counterOfWindows = keyCounter + "window"

// PutWindow stores a window, as durably as PutOverride, and that it is the one of that number: with it the number is kept for ever, so
// that no other window gets its ID.
func (s *Store) PutWindow(ctx context.Context, id string, number int, w Window) error {
	s.mu.Lock()
	s.soon(counterOfWindows, number)
	s.mu.Unlock()
	return s.now(ctx, keyWindow+id, encode(w.normal()))
}

// DeleteWindow deletes a window, as durably as PutOverride.
func (s *Store) DeleteWindow(ctx context.Context, id string) error {
	return s.now(ctx, keyWindow+id, nil)
}

// DropWindow deletes a window soon.
func (s *Store) DropWindow(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.soon(keyWindow+id, nil)
}
