package checks

import "time"

// kept is how many results of each check are remembered.
const kept = 50

// Past is one of the latest results of a check, without what only its debugging needs.
type Past struct {
	At           time.Time // when the probe began
	Took         time.Duration
	OK           bool
	Inconclusive bool
	Reason       string
	Warning      string
}

// past is a Past as it is kept: 16 bytes, with the texts in the ring's own list, since nearly all results of a check
// read the same.
type past struct {
	at               int64 // Unix time in nanoseconds
	took             uint32
	ok, inconclusive bool
	reason, warning  uint8 // indexes of texts
}

// results are a check's latest results: a ring of at most kept, which grows as they come. With one text it takes
// 1.2 KB (BenchmarkResults); each further text costs its length, and no more texts than results are kept.
type results struct {
	ring  []past
	next  int // where the next one goes once the ring is full
	texts []string
}

// add remembers r.
func (h *results) add(r Result) {
	if len(h.texts)+2 > 2*kept {
		h.forget()
	}
	p := past{
		at: r.Start.UnixNano(), took: uint32(min(r.Took.Microseconds(), 1<<32-1)), ok: r.OK, inconclusive: r.Inconclusive,
		reason: h.text(r.Reason), warning: h.text(r.Warning),
	}
	if len(h.ring) < kept {
		h.ring = append(h.ring, p)
		return
	}
	h.ring[h.next] = p
	h.next = (h.next + 1) % kept
}

// text returns the index of s, which is remembered if it is new.
func (h *results) text(s string) uint8 {
	for i, known := range h.texts {
		if known == s {
			return uint8(i)
		}
	}
	h.texts = append(h.texts, s)
	return uint8(len(h.texts) - 1)
}

// forget drops the texts that no result in the ring has, and those of the oldest result, which is the next to go.
func (h *results) forget() {
	old := h.texts
	h.texts = nil
	for i := range h.ring {
		p := &h.ring[i]
		if len(h.ring) == kept && i == h.next {
			p.reason, p.warning = 0, 0
			continue
		}
		p.reason, p.warning = h.text(old[p.reason]), h.text(old[p.warning])
	}
}

// list returns what is remembered, the latest first.
func (h *results) list() []Past {
	out := make([]Past, 0, len(h.ring))
	for i := range h.ring {
		p := h.ring[(h.next+len(h.ring)-1-i)%len(h.ring)]
		out = append(out, Past{
			At: time.Unix(0, p.at), Took: time.Duration(p.took) * time.Microsecond, OK: p.ok, Inconclusive: p.inconclusive,
			Reason: h.texts[p.reason], Warning: h.texts[p.warning],
		})
	}
	return out
}

// Results returns the latest results, at most 50, of the check with that ID, the latest first; nil if there is no such
// check. They go as far back as the check is what it is: one that a reload has changed begins anew.
func (s *Scheduler) Results(id string) []Past {
	r := (*s.runners.Load())[id]
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.results.list()
}
