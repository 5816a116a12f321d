package checks

import (
	"context"
	"fmt"
	"time"
)

// Verdict is a check's state after hysteresis.
type Verdict uint8

// The zero Verdict is Unknown: nothing has been proved since the start.
const (
	Unknown Verdict = iota
	Up
	Down
)

// String returns the verdict's name: unknown, up or down.
func (v Verdict) String() string { return [...]string{"unknown", "up", "down"}[v] }

// A Check is the definition of one health test of one address. It is immutable.
type Check struct {
	// ID names the check, unique in a scheduler and stable over reloads: "web/primary@203.0.113.10".
	ID string
	// Probe executes it.
	Probe Probe
	// Interval separates the starts of two probes, Recheck those after a contrary
	// result and while the verdict is unknown. Timeout bounds one probe from dial to last byte.
	Interval, Timeout, Recheck time.Duration
	// Source is where the probe dials from.
	Source Source
	// Other is the same probe over the other family, called OtherName, if there is one: it runs once beside the first
	// recheck of an address that was up, for a note in the result.
	Other     Probe
	OtherName string
	// Strict takes for a failure what is inconclusive: it is this host that the check is about.
	Strict bool
	// Fall consecutive failures turn the verdict down, Rise consecutive successes turn it up.
	Fall, Rise int
}

// same says whether two checks do the same with the same result.
func (c *Check) same(d *Check) bool {
	return c.ID == d.ID && c.OtherName == d.OtherName && c.Definition() == d.Definition()
}

// Definition describes all of the check but its ID: two checks with equal definitions do the same with the same result.
func (c *Check) Definition() string {
	text := fmt.Sprintf("%s every %s, recheck %s, timeout %s, fall %d, rise %d", c.Probe, c.Interval, c.Recheck, c.Timeout, c.Fall, c.Rise)
	if c.Source != (Source{}) {
		text += ", from " + c.Source.String()
	}
	if c.Strict {
		text += ", counting what this host lacks"
	}
	return text
}

// A Probe executes one health test. Run must return soon after ctx ends, whose deadline is the check's timeout.
type Probe interface {
	Run(ctx context.Context) Result
	// String describes the probe completely: two probes with equal strings do the same.
	String() string
}

// Result is what one probe saw.
type Result struct {
	OK bool
	// Inconclusive says that this host lacked something, such as a free file descriptor: the target was not
	// asked, and the result counts neither way.
	Inconclusive bool
	// Maintenance says that the target answered that it is in maintenance: a failure that is believed at once.
	Maintenance bool
	// Reason says why the probe failed, or what it saw when it did not, in an
	// operator's words: "connection refused", "status 503, wanted 200-299".
	Reason string
	// Warning says what a success is not happy about, such as a certificate that expires soon; mostly empty. It never
	// counts as a failure.
	Warning string
	Start   time.Time
	// Took is the time from Start to the last thing the probe waited for.
	Took time.Duration
	// Phases are the parts of Took in order: dial, tls, first byte, headers, body. The last one of a
	// failed probe is where it failed.
	Phases []Phase
	// Seen holds facts for a person who debugs the check, as "name: value" lines: status line, headers, certificate.
	Seen []string
}

// Phase is one part of a probe.
type Phase struct {
	Name string
	Took time.Duration
}

// Transition is the only thing that leaves a scheduler: a change of verdict, the
// begin or end of a run of contrary results (results that speak against the verdict;
// while it is unknown, all do), or the first result that counts of a check that is new or has changed.
type Transition struct {
	Check *Check
	From  Verdict
	State State
	// Earliest is the first instant at which the run of contrary results can change
	// the verdict; zero if no such run is under way.
	Earliest time.Time
	Result   Result
}

// Snapshot is what a scheduler knows of one check, for those who show it.
type Snapshot struct {
	State    State
	Last     Result    // zero before the first probe has ended
	Next     time.Time // when the next probe is due
	Earliest time.Time // as in Transition
	Blind    time.Time // since when all probes were inconclusive; zero if the latest was not
	Stats    Stats
}

// Stats count a check's probes since it was first scheduled.
type Stats struct {
	Successes, Failures, Inconclusive uint64
	// Late counts probes that started over a second after they were due, Overruns those that
	// ended over a second after their timeout, Shed the turns that were left out because too many probes were under way.
	Late, Overruns, Shed uint64
	// Seconds is the sum of all Took; Buckets[i] counts the probes that took at most Bounds[i].
	Seconds float64
	Buckets [len(Bounds)]uint64
}

// Bounds are the upper bounds of the histogram of probe durations, in seconds.
var Bounds = [...]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// count adds one result.
func (s *Stats) count(r Result) {
	switch {
	case r.Inconclusive:
		s.Inconclusive++
		return
	case r.OK:
		s.Successes++
	default:
		s.Failures++
	}
	took := r.Took.Seconds()
	s.Seconds += took
	for i, bound := range Bounds {
		if took <= bound {
			s.Buckets[i]++
		}
	}
}
