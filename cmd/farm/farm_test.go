package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// TestPictureAndTableAreThoseOfToday lets the whole farm live again, and compares what comes of it with what the README shows.
func TestPictureAndTableAreThoseOfToday(t *testing.T) {
	r := whole.run()
	var picture, table bytes.Buffer
	r.draw(&picture)
	r.summary(&table)
	kept, err := os.ReadFile("../../testdata/farm.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, picture.Bytes()) {
		t.Error("testdata/farm.svg has changed: look at it after go run ./cmd/farm -svg testdata/farm.svg")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("the README has another table than\n%s", table.String())
	}
	for d := xml.NewDecoder(&picture); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}

	t.Run("what is planned has no stale client behind a cache that obeys TTLs", func(t *testing.T) {
		us := r.outcomes[0][len(contenders)-1]
		for i, m := range manners {
			obeys := m.name != "30 s at least" && !m.stale
			if worst := us.by[i].worst; obeys != (worst == 0) {
				t.Errorf("%s: %v at most", m.name, worst)
			}
		}
	})
	t.Run("nobody is sent to a dead primary for longer than validate promises", func(t *testing.T) {
		for i, m := range manners {
			if worst := r.outcomes[1][2].by[i].worst; !m.stale && worst > 75*time.Second {
				t.Errorf("%s: %v", m.name, worst)
			}
		}
	})
	t.Run("the area under each curve is the mean", func(t *testing.T) {
		for i, s := range r.scenarios {
			for j, o := range r.outcomes[i] {
				area := 0.0
				for _, share := range o.curve {
					area += share * s.tick.Seconds()
				}
				if mean, _ := o.mean(); math.Abs(area-mean.Seconds()) > 0.02*mean.Seconds()+0.05 {
					t.Errorf("%s, %s: %.2f s under the curve, %.2f on average", s.name, contenders[j].name, area, mean.Seconds())
				}
			}
		}
	})
}

func TestManners(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct{ short, long time.Duration }{ // until when TTLs of 0 and 60 are held that came at 10.25 s
		"exact":         {10250 * time.Millisecond, 70250 * time.Millisecond},
		"whole seconds": {10500 * time.Millisecond, 70500 * time.Millisecond}, // ticks at every half
		"30 s at least": {40250 * time.Millisecond, 70250 * time.Millisecond},
		"30 s at most":  {10250 * time.Millisecond, 40250 * time.Millisecond},
		"prefetching":   {10250 * time.Millisecond, 70250 * time.Millisecond},
		"serves stale":  {10250 * time.Millisecond, 70250 * time.Millisecond},
	} {
		for _, m := range manners {
			if m.name != name {
				continue
			}
			at := 10*s + s/4
			if short, long := m.hold(at, 0, s/2), m.hold(at, 60*s, s/2); short != c.short || long != c.long {
				t.Errorf("%s: until %v and %v, want %v and %v", name, short, long, c.short, c.long)
			}
		}
	}
}

// TestGdnsd follows gdnsd's TTL over a failure and a recovery: interval times the results that are missing.
func TestGdnsd(t *testing.T) {
	s := scenario{dead: []span{{100 * time.Second, 160 * time.Second}}, known: span{300 * time.Second, 320 * time.Second}, end: 400 * time.Second}
	g := newGdnsd(&s, 5*time.Second) // probes at 5, 15, 25…
	for at, want := range map[int]struct {
		primary bool
		ttl     time.Duration
	}{
		0: {true, 30}, 104: {true, 30}, 109: {true, 20}, 119: {true, 10},
		129: {false, 50}, 158: {false, 50}, 166: {false, 40}, 196: {false, 10}, 206: {true, 30},
		299: {true, 30}, 300: {false, 30}, 320: {true, 30},
	} {
		if primary, ttl := g.answer(time.Duration(at) * time.Second); primary != want.primary || ttl != want.ttl*time.Second {
			t.Errorf("at %d s: primary %t, TTL %v", at, primary, ttl)
		}
	}
}

func TestServersMakeTheSameDecisionsButForTheTTL(t *testing.T) {
	for _, s := range scenarios() {
		us := newOurs(&s, 7*time.Second)
		for at := time.Duration(0); at < s.end; at += 333 * time.Millisecond {
			a, ttl := us.answer(at)
			b, sixty := fixed{us}.answer(at)
			early := !s.known.empty() && s.known.from-time.Second <= at && at < s.known.from
			if a != b && !early || sixty != maxTTL || ttl > maxTTL {
				t.Fatalf("%s, %v: %t for %v, fixed %t for %v", s.name, at, a, ttl, b, sixty)
			}
		}
	}
}
