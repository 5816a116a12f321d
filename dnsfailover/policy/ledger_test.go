package policy

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnsfailover/zones"
)

// TestLedgerKnowsTheLongestPromise lets a service live through random changes, asks it all the while, and
// compares what its answers promised with what the ledger says.
func TestLedgerKnowsTheLongestPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		ahead := Look(in)
		ledger := Ledger{Since: in.Now}
		type period struct { // of one selection
			from     time.Time
			promised time.Time
		}
		periods := []period{{from: in.Now}}
		ask := func(segment *zones.Segment, at time.Time) {
			ttl := segment.TTL(at.UnixNano())
			if p := at.Add(time.Duration(ttl) * time.Second); p.After(periods[len(periods)-1].promised) {
				periods[len(periods)-1].promised = p
			}
		}
		for range rapid.IntRange(1, 6).Draw(t, "events") {
			end := in.Now.Add(drawDuration(t, 0, 2*time.Minute, "until the next event"))
			// Answers all along, and the last one of each segment.
			for i, s := range ahead.Steps {
				stop := end
				if i+1 < len(ahead.Steps) && ahead.Steps[i+1].From.Before(end) {
					stop = ahead.Steps[i+1].From
				}
				if i > 0 && s.From.After(end) {
					break
				}
				if i > 0 && !s.Selection.Equal(ahead.Steps[i-1].Selection) {
					periods = append(periods, period{from: s.From})
				}
				for at := s.From; at.Before(stop); at = at.Add(777 * time.Millisecond) {
					ask(&ahead.Timeline.Segments[i], at)
				}
				ask(&ahead.Timeline.Segments[i], stop)
			}
			at := ahead.At(end)
			in.Auto, in.Now = ahead.Steps[at].Auto, end
			target := rapid.IntRange(0, len(in.Facts)-1).Draw(t, "target")
			facts := append([][]Fact(nil), in.Facts...)
			facts[target] = append([]Fact(nil), facts[target]...)
			facts[target][0] = drawFact(t, end)
			in.Facts = facts
			next := Look(in)
			if !next.Steps[0].Selection.Equal(ahead.Steps[at].Selection) {
				periods = append(periods, period{from: end})
			}
			ledger = ledger.Replaced(ahead, next, end)
			ahead = next
		}
		var earlier time.Time
		for _, p := range periods[:len(periods)-1] {
			earlier = latest(earlier, p.promised)
		}
		if got := ledger.Since; !got.Equal(periods[len(periods)-1].from) {
			t.Fatalf("since %v, wanted %v", got, periods[len(periods)-1].from)
		}
		if ledger.Earlier.Before(earlier) {
			t.Fatalf("an answer was promised until %v, the ledger says %v", earlier, ledger.Earlier)
		}
		if !earlier.IsZero() && ledger.Earlier.After(earlier.Add(time.Second)) {
			t.Fatalf("no answer was promised beyond %v, the ledger says %v", earlier, ledger.Earlier)
		}
		if d := ledger.DrainedAt(); !d.IsZero() && (d.Before(ledger.Since) || d.Before(earlier.Add(time.Second))) {
			t.Fatalf("drained at %v", d)
		}
	})
}

func TestDrainedCountsTheLongTTLGivenBeforeItWasShortened(t *testing.T) {
	// At second 0 a run begins that can end after 4 s. Until then answers carried 60 s.
	healthy := Input{Service: service(1, 1), Facts: [][]Fact{{up()}, {up()}}, Now: epoch.Add(-time.Hour)}
	failing := healthy
	failing.Facts, failing.Now = [][]Fact{{changing(up(), 4*time.Second)}, {up()}}, epoch
	failed := failing
	failed.Facts, failed.Now = [][]Fact{{down()}, {up()}}, epoch.Add(4*time.Second)

	a, b, c := Look(healthy), Look(failing), Look(failed)
	if got := b.Timeline.Segments[0].TTL(failed.Now.Add(-time.Second).UnixNano()); got != 5 {
		t.Fatalf("just before the switch the TTL is %d, wanted min", got)
	}
	ledger := Ledger{Since: healthy.Now}
	if !ledger.DrainedAt().IsZero() {
		t.Error("drained though nothing else was served")
	}
	ledger = ledger.Replaced(a, b, failing.Now).Replaced(b, c, failed.Now)
	if got, want := ledger.DrainedAt(), epoch.Add(61*time.Second); !got.Equal(want) {
		t.Errorf("drained at %v, wanted %v", got, want)
	}
	if !ledger.Since.Equal(failed.Now) {
		t.Errorf("since %v", ledger.Since)
	}
}

func TestPromise(t *testing.T) {
	at := func(s float64) int64 { return epoch.UnixNano() + int64(s*float64(time.Second)) }
	for name, c := range map[string]struct {
		s    zones.Segment
		want float64 // seconds from the end
	}{
		"steady":                       {zones.Segment{Min: 5, Max: 60}, 60},
		"a change lies ahead":          {zones.Segment{Min: 5, Max: 60, Change: at(20.5)}, 20.5},
		"a change is due":              {zones.Segment{Min: 5, Max: 60, Change: at(1)}, 5},
		"a change that is overdue":     {zones.Segment{Min: 5, Max: 60, Change: at(-9)}, 5},
		"a change far ahead":           {zones.Segment{Min: 5, Max: 60, Change: at(100)}, 60},
		"an edge ahead":                {zones.Segment{Min: 5, Max: 60, Edge: at(10)}, 9},
		"the last second before it":    {zones.Segment{Min: 5, Max: 60, Edge: at(0.5)}, 0},
		"an edge sooner than a change": {zones.Segment{Min: 5, Max: 60, Change: at(20), Edge: at(10)}, 9},
	} {
		if got := promise(&c.s, epoch).Sub(epoch).Seconds(); got != c.want {
			t.Errorf("%s: %v s, wanted %v", name, got, c.want)
		}
	}
}
