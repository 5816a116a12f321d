package control

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// crowd is how the watched addresses stand in for canaries that nobody has configured. When more than four fifths of them
// turn down within one interval, it is more likely us than all of them: verdicts freeze, and a second round is asked for. What
// is down after that too is believed.
//
// So that none is believed before the others had a chance to turn down, a verdict down waits here too: until enough other
// addresses have answered a probe that began after it. Usually that takes as long as one answer of theirs.
type crowd struct {
	calm   time.Time // verdicts that came up to this instant are believed
	looked time.Time // when all addresses were last looked at
	again  time.Time // when to look again though nothing has happened; zero if not
	trust  time.Time // verdicts that come up to this instant belong to what a second round has confirmed
	round  *round    // nil: none is under way
}

// round is a second round.
type round struct {
	since  time.Time
	reason string
	asked  map[string]bool // checks that begin anew, by ID
}

const (
	minCrowd   = config.EnoughWatched  // addresses
	maxSample  = 16                    // addresses that are asked at the same time
	crowdPause = 20 * time.Millisecond // between two looks at all addresses
)

// crowded tells whether the watched addresses stand in for canaries.
func (c *Control) crowded() bool {
	return c.guarding && len(c.places.addresses) >= minCrowd && (len(c.guards) == 0 || !c.guards[0].all)
}

// judgeCrowd decides up to when verdicts are believed.
func (c *Control) judgeCrowd(b *batch) {
	w := &c.crowd
	w.again = time.Time{}
	switch {
	case !c.crowded(), !b.now.After(w.trust):
		w.calm = b.now
	case w.round != nil:
		c.judgeRound(b)
	case len(c.held) == 0:
	case b.now.Sub(w.looked) < crowdPause:
		w.again = w.looked.Add(crowdPause)
	default:
		w.looked = b.now
		c.lookAround(b)
	}
}

// lookAround counts which addresses fail and which answer, and asks some of those that have done neither since the first
// verdict was held back.
func (c *Control) lookAround(b *batch) {
	oldest := b.now
	for _, h := range c.held {
		if h.since.Before(oldest) {
			oldest = h.since
		}
	}
	var answers []time.Time
	var silent []string
	failing, counted := 0, 0
	for _, address := range c.places.addresses {
		a := c.look(address, b.now)
		if !a.counts {
			continue
		}
		counted++
		switch {
		case a.fails:
			failing++
		case a.answered.Before(oldest):
			silent = append(silent, a.ask)
		default:
			answers = append(answers, a.answered)
		}
	}
	// More than four fifths of those that are asked at once.
	enough := (min(counted, maxSample) + 4) / 5
	switch {
	case counted < minCrowd:
		c.crowd.calm = b.now
	case failing*5 > counted*4:
		c.askAgain(b, failing, counted)
	case len(answers) >= max(enough, 1):
		slices.SortFunc(answers, func(x, y time.Time) int { return y.Compare(x) })
		c.crowd.calm = answers[max(enough, 1)-1]
	}
	if len(silent) > 0 && c.crowd.calm.Before(oldest) {
		rand.Shuffle(len(silent), func(i, j int) { silent[i], silent[j] = silent[j], silent[i] })
		b.hurry = append(b.hurry, silent[:min(len(silent), maxSample)]...)
	}
}

// standpoint is what the checks of an address say together.
type standpoint struct {
	counts   bool      // it was up a moment ago
	fails    bool      // not all of its checks succeed
	answered time.Time // when the latest probe began that succeeded, as far as that was reported
	ask      string    // a check to ask
}

func (c *Control) look(address []*seen, now time.Time) standpoint {
	var a standpoint
	for _, s := range address {
		fact, id := c.fact(s), s.check.ID
		switch {
		case fact.Frozen != "":
		case c.held[id] != nil, fact.State.Verdict == checks.Up && fact.State.Contrary(),
			fact.State.Verdict == checks.Down && now.Sub(fact.State.Since) <= s.check.Interval:
			a.counts, a.fails = true, true
		case fact.State.Verdict == checks.Up:
			a.counts, a.ask = true, id
			if at := c.answers[id]; at.After(a.answered) {
				a.answered = at
			}
		}
	}
	return a
}

// askAgain freezes, and has everything that is held back begin anew.
func (c *Control) askAgain(b *batch, failing, counted int) {
	w := &c.crowd
	w.round = &round{
		since:  b.now,
		reason: fmt.Sprintf("%d of the %d addresses that were up fail at once, so it may be this host that is cut off, and a second round of probes is asked for", failing, counted),
		asked:  map[string]bool{},
	}
	says := w.round.reason
	b.told = append(b.told, func() {
		c.log.Warn("frozen", "guard", "second round", "failing", failing, "of", counted)
		c.froze(b.now, nil, says)
	})
	c.touchAll(b)
	var anew []*seen
	for _, s := range c.places.byID {
		if fact := c.fact(s); len(s.at) > 0 && fact.State.Verdict == checks.Up && fact.State.Contrary() && fact.Frozen == "" {
			anew = append(anew, s)
		}
	}
	c.beginAnew(b, anew)
}

// beginAnew forgets what checks have found since they were up.
func (c *Control) beginAnew(b *batch, list []*seen) {
	states := map[string]checks.State{}
	for _, s := range list {
		id := s.check.ID
		fact := still(c.fact(s), "")
		c.enter(b, s, fact)
		states[id], c.crowd.round.asked[id] = fact.State, true
		delete(c.held, id)
		delete(c.answers, id)
	}
	c.probes.Suspend(states)
	c.probes.Resume(slices.Sorted(maps.Keys(states)))
}

// judgeRound has those begin anew whose turn comes late, and believes everything once nothing is left to wait for.
func (c *Control) judgeRound(b *batch) {
	w := &c.crowd
	var anew []*seen
	for id := range c.held {
		if !w.round.asked[id] {
			anew = append(anew, c.places.byID[id])
		}
	}
	if len(anew) > 0 {
		c.beginAnew(b, anew)
	}
	for id := range w.round.asked {
		s := c.places.byID[id]
		if s == nil || c.suspended(s) != nil || c.held[id] != nil || !c.answers[id].Before(w.round.since) {
			continue // it is gone, or has spoken
		}
		return
	}
	down, asked, lasted := len(c.held), len(w.round.asked), b.now.Sub(w.round.since).Round(time.Millisecond)
	b.told = append(b.told, func() {
		c.log.Warn("frozen no longer", "guard", "second round", "down", down, "frozen_for", lasted)
		c.thawed(b.now, nil, lasted)
	})
	w.round, w.calm = nil, b.now
	if down*5 > asked*4 {
		w.trust = b.now.Add(c.places.longest)
	}
	c.touchAll(b)
}

// Crowded tells whether the addresses that cfg watches stand in for canaries.
func Crowded(cfg *config.Config) bool {
	return len(cfg.Canaries.Checks) == 0 && len(newPlaces(cfg).addresses) >= minCrowd
}
