package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/cron"
)

// epoch is when all scenarios begin, at a fraction of a second on purpose.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

var verdicts = []checks.Verdict{checks.Unknown, checks.Up, checks.Down}

// service returns a service with targets t0, t1… that have so many addresses, by turns IPv4 and IPv6.
func service(addresses ...int) *config.Service {
	s := &config.Service{
		Name: "web", MinTTL: 5 * time.Second, MaxTTL: 60 * time.Second,
		Failback: config.Failback{After: time.Minute}, AllDown: config.AllDownLast,
	}
	for i, n := range addresses {
		t := config.Target{Name: fmt.Sprintf("t%d", i), Need: 1}
		for a := 1; a <= n; a++ {
			ip := fmt.Sprintf("192.0.2.%d", 10*i+a)
			if a%2 == 0 {
				ip = fmt.Sprintf("2001:db8::%d", 10*i+a)
			}
			t.Addresses = append(t.Addresses, config.Address{
				IP:     netip.MustParseAddr(ip),
				Checks: []config.Watch{{Check: &checks.Check{ID: fmt.Sprintf("web/t%d@%s", i, ip)}}},
				Need:   1,
			})
		}
		s.Targets = append(s.Targets, t)
	}
	return s
}

// drawInput draws any service in any situation.
func drawInput(t *rapid.T) Input {
	shape := rapid.SliceOfN(rapid.IntRange(1, 3), 1, 4).Draw(t, "addresses")
	s := service(shape...)
	for i := range s.Targets {
		s.Targets[i].Need = rapid.IntRange(1, shape[i]).Draw(t, "need")
	}
	s.MinTTL = time.Duration(rapid.IntRange(0, 10).Draw(t, "min")) * time.Second
	s.MaxTTL = s.MinTTL + time.Duration(rapid.IntRange(0, 120).Draw(t, "max"))*time.Second
	s.Failback = config.Failback{Manual: rapid.Bool().Draw(t, "manual"), After: drawDuration(t, 0, 90*time.Second, "after")}
	if rapid.Bool().Draw(t, "hold_down") {
		s.Failback.HoldDown = s.Failback.After + drawDuration(t, 0, 10*time.Minute, "most")
	}
	if rapid.IntRange(0, 3).Draw(t, "only_in") == 0 {
		every, _ := cron.Parse("*/3 * * * *")
		s.Failback.OnlyIn = &config.Period{Cron: every, Timezone: time.UTC, For: drawDuration(t, time.Second, 4*time.Minute, "for")}
	}
	s.AllDown = rapid.SampledFrom([]config.AllDown{
		config.AllDownFirst, config.AllDownLast, config.AllDownHold, config.AllDownNone,
	}).Draw(t, "all_down")
	in := Input{Service: s, Auto: rapid.IntRange(0, len(shape)-1).Draw(t, "auto"), Now: epoch}
	for i := range shape {
		in.Facts = append(in.Facts, nil)
		for range shape[i] {
			in.Facts[i] = append(in.Facts[i], drawFact(t, in.Now))
		}
	}
	in.Flaps = drawFlaps(t, len(shape), in.Now)
	if rapid.Bool().Draw(t, "overridden") {
		in.Override = &Override{Target: rapid.IntRange(0, len(shape)-1).Draw(t, "override")}
		if rapid.Bool().Draw(t, "expires") {
			in.Override.Until = in.Now.Add(drawDuration(t, -time.Minute, 2*time.Minute, "until"))
		}
	}
	return in
}

// drawFlaps draws some of the last hour and a bit more. Half of them are about to be forgotten.
func drawFlaps(t *rapid.T, targets int, now time.Time) []Flap {
	var flaps []Flap
	for range rapid.SampledFrom([]int{0, 0, 1, 2, 5, 12}).Draw(t, "flaps") {
		ago := rapid.SampledFrom([]time.Duration{0, flapMemory - 2*time.Minute}).Draw(t, "long ago") + drawDuration(t, 0, 3*time.Minute, "ago")
		flaps = append(flaps, Flap{rapid.IntRange(0, targets-1).Draw(t, "flapped"), now.Add(-ago)})
	}
	slices.SortFunc(flaps, func(a, b Flap) int { return a.At.Compare(b.At) })
	return flaps
}

// drawFact draws what is known of an address that one check watches, or up to three.
func drawFact(t *rapid.T, now time.Time) Fact {
	n := max(rapid.IntRange(-3, 3).Draw(t, "checks"), 1)
	if n == 1 {
		return drawPart(t, now)
	}
	var parts []Part
	for i := range n {
		parts = append(parts, Part{fmt.Sprintf("c%d", i), drawPart(t, now)})
	}
	return Combine(rapid.IntRange(1, n).Draw(t, "need of checks"), parts)
}

func drawPart(t *rapid.T, now time.Time) Fact {
	f := Fact{State: checks.State{Verdict: rapid.SampledFrom(verdicts).Draw(t, "verdict")}}
	if f.State.Verdict != checks.Unknown {
		f.State.Since = now.Add(-drawDuration(t, 0, 2*time.Minute, "since"))
	}
	if rapid.IntRange(0, 2).Draw(t, "run") == 0 {
		f.State.Run, f.State.RunOK = 1, f.State.Verdict == checks.Down
		f.Earliest = now.Add(drawDuration(t, -time.Second, 90*time.Second, "earliest"))
	}
	return f
}

func drawDuration(t *rapid.T, low, high time.Duration, label string) time.Duration {
	return time.Duration(rapid.Int64Range(int64(low/time.Millisecond), int64(high/time.Millisecond)).Draw(t, label)) * time.Millisecond
}
