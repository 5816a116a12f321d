package history

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/vault"
)

// Query returns the events that q asks for, in the order of their IDs. More says that there are others that fit: newer ones
// if q says where to begin, older ones if it wants the latest.
func (h *History) Query(q api.HistoryQuery) (events []api.Event, more bool, err error) {
	pending := h.unwritten()
	begin := uint64(0)
	if q.After > 0 {
		begin = q.After + 1
	}
	if !q.Since.IsZero() {
		begin = max(begin, uint64(max(q.Since.UnixMicro(), 1))) // an event is taken down when it has happened, or later
	}
	for _, c := range classes {
		if len(q.Kinds) > 0 && !slices.ContainsFunc(q.Kinds, func(kind string) bool { return classOf(kind) == c }) {
			continue
		}
		found, err := h.collect(c, q, begin)
		if err != nil {
			return nil, false, err
		}
		events = append(events, found...)
	}
	for _, e := range pending {
		if e.ID >= begin && wanted(q, e) {
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(a, b api.Event) int { return cmp.Compare(a.ID, b.ID) })
	events = slices.CompactFunc(events, func(a, b api.Event) bool { return a.ID == b.ID }) // written meanwhile
	if more = len(events) > q.Limit; more && begin > 0 {
		events = events[:q.Limit]
	} else if more {
		events = events[len(events)-q.Limit:]
	}
	return events, more, nil
}

// unwritten returns the events that are in memory only.
func (h *History) unwritten() []api.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.pending)
}

// collect returns up to one more event of a class than q asks for: from the ID begin on, or, if it is 0, the latest.
func (h *History) collect(c class, q api.HistoryQuery, begin uint64) (found []api.Event, err error) {
	h.files.RLock()
	defer h.files.RUnlock()
	h.mu.Lock()
	spoilt := h.spoilt
	h.mu.Unlock()
	if h.file == nil || spoilt != nil {
		return nil, nil // Notice tells
	}
	mark := func(name, value string) []byte {
		if value == "" {
			return nil
		}
		text, _ := json.Marshal(value) // a string always can be
		return append([]byte(`"`+name+`":`), text...)
	}
	service, check := mark("service", q.Service), mark("check", q.Check)
	each := func(k string, value []byte) bool {
		if _, ok := idOf(c, k); !ok {
			return false
		}
		if !bytes.Contains(value, service) || !bytes.Contains(value, check) { // which spares most of the decoding
			return true
		}
		var e api.Event
		if json.Unmarshal(value, &e) == nil && wanted(q, e) {
			found = append(found, e)
		}
		return len(found) <= q.Limit
	}
	if begin > 0 {
		err = h.file.Up(key(c, begin), each)
	} else {
		err = h.file.Down(key(c+1, 0), each)
	}
	if unusable := (*vault.Unusable)(nil); errors.As(err, &unusable) {
		h.spoil(unusable)
		return nil, nil
	}
	return found, err
}

// wanted tells whether q asks for e, wherever it lies.
func wanted(q api.HistoryQuery, e api.Event) bool {
	return (q.Service == "" || e.Service == q.Service) &&
		(q.Check == "" || e.Check == q.Check) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
		!e.Time.Before(q.Since) && (q.Until.IsZero() || e.Time.Before(q.Until))
}
