package state

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dnsfailover/checks"
)

// Override is an operator's switch of a service to a target.
type Override struct {
	Target string    `json:"target"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // zero: until released
	Reason string    `json:"reason,omitempty"`
	Author string    `json:"author,omitempty"`
}

// Selection is what a service served last, and what is needed to go on from there.
type Selection struct {
	Auto      string       `json:"auto"`   // the target that the verdicts chose
	Target    string       `json:"target"` // the target that was served; empty: none
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Since     time.Time    `json:"since"`
	// Present is the latest instant up to which answers with this selection had been promised when it was saved,
	// Earlier the same of all selections before; zero if there were none.
	Present time.Time `json:"present,omitzero"`
	Earlier time.Time `json:"earlier,omitzero"`
	// Edge is the start of the planned window that was known to end this selection; zero if none was. Nothing was promised
	// beyond a second before it, and from then on the window's target was served.
	Edge time.Time `json:"edge,omitzero"`
	// MaxTTL bounds the TTL of the answers that were given until the end, in seconds.
	MaxTTL uint32 `json:"max_ttl"`
	// Flaps are when the service left targets because they were down, those that still count.
	Flaps []Flap    `json:"flaps,omitempty"`
	Saved time.Time `json:"saved"`
	// Gone is since when the configuration has no such service; zero while it has.
	Gone time.Time `json:"gone,omitzero"`
}

// Flap is an instant at which a service left a target because it was down.
type Flap struct {
	Target string    `json:"target"`
	At     time.Time `json:"at"`
}

// Check is what a check had established.
type Check struct {
	// Probe is the probe's description: a state is that of a check only if its probe does the same.
	Probe string
	State checks.State
	Saved time.Time
}

// checkRecord is how a Check is stored.
type checkRecord struct {
	Probe   string    `json:"probe"`
	Verdict string    `json:"verdict"`
	Since   time.Time `json:"since,omitzero"`
	Run     int       `json:"run"`
	RunOK   bool      `json:"run_ok"`
	Saved   time.Time `json:"saved"`
}

// Contents is what a store held when it was opened.
type Contents struct {
	// Alive is the last instant at which the process that wrote the rest is known to have kept it current;
	// zero if there was none.
	Alive      time.Time
	Overrides  map[string]Override  // by service
	Windows    map[string]Window    // by ID
	LastWindow int                  // the number of the latest window that was ever planned
	Selections map[string]Selection // by service
	Checks     map[string]Check     // by check ID
}

// header is written with every transaction.
type header struct {
	Schema int       `json:"schema"`
	Alive  time.Time `json:"alive"`
	// Values counts the others, so that none can vanish unnoticed.
	Values int `json:"values"`
}

// schema changes when an older version would misread what is stored. Fields that are only added don't change it.
const schema = 1

// Keys: the header's, and the prefixes of the others.
const (
	keyHeader    = "store"
	keyOverride  = "override/"
	keyWindow    = "window/"
	keyCounter   = "counter/" // of windows
	keySelection = "selection/"
	keyCheck     = "check/"
)

func encodeCheck(c Check) checkRecord {
	return checkRecord{c.Probe, c.State.Verdict.String(), c.State.Since.UTC(), c.State.Run, c.State.RunOK, c.Saved.UTC()}
}

func (r checkRecord) decode() (Check, error) {
	for _, v := range []checks.Verdict{checks.Unknown, checks.Up, checks.Down} {
		if v.String() == r.Verdict {
			return Check{r.Probe, checks.State{Verdict: v, Since: r.Since, Run: max(r.Run, 0), RunOK: r.RunOK}, r.Saved}, nil
		}
	}
	return Check{}, fmt.Errorf("there is no verdict %q", r.Verdict)
}

func (o Override) normal() Override {
	o.Since, o.Until = o.Since.Round(0).UTC(), o.Until.Round(0).UTC()
	return o
}

func (s Selection) normal() Selection {
	for _, t := range []*time.Time{&s.Since, &s.Present, &s.Earlier, &s.Saved, &s.Gone, &s.Edge} {
		*t = t.Round(0).UTC()
	}
	s.Flaps = slices.Clone(s.Flaps)
	for i := range s.Flaps {
		s.Flaps[i].At = s.Flaps[i].At.Round(0).UTC()
	}
	return s
}

func encodeHeader(values int) []byte {
	return encode(header{Schema: schema, Alive: time.Now().Round(0).UTC(), Values: values})
}

func decodeHeader(values map[string][]byte) (h header, ok bool) {
	ok = json.Unmarshal(values[keyHeader], &h) == nil
	return h, ok
}

// decode turns values into contents. A value that can't be read is left out, and problems tell.
func decode(values map[string][]byte) (c Contents, problems []string) {
	c = Contents{Overrides: map[string]Override{}, Windows: map[string]Window{}, Selections: map[string]Selection{}, Checks: map[string]Check{}}
	h, _ := decodeHeader(values)
	c.Alive = h.Alive
	for key, value := range values {
		var err error
		kind, name, _ := strings.Cut(key, "/")
		switch kind + "/" {
		case keyOverride:
			var o Override
			if err = json.Unmarshal(value, &o); err == nil {
				c.Overrides[name] = o
			}
		case keyWindow:
			var w Window
			if err = json.Unmarshal(value, &w); err == nil {
				c.Windows[name] = w
			}
		case keyCounter:
			err = json.Unmarshal(value, &c.LastWindow)
		case keySelection:
			var s Selection
			if err = json.Unmarshal(value, &s); err == nil {
				c.Selections[name] = s
			}
		case keyCheck:
			var r checkRecord
			var check Check
			if err = json.Unmarshal(value, &r); err == nil {
				check, err = r.decode()
			}
			if err == nil {
				c.Checks[name] = check
			}
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("the stored %s of %q can't be read and is left out", kind, name))
		}
	}
	return c, problems
}
