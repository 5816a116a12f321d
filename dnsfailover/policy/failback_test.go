package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/cron"
)

// flap is one of a target some time before epoch.
func flap(target int, ago time.Duration) Flap { return Flap{target, epoch.Add(-ago)} }

// recovered is a service on its second target whose first has been up for some time.
func recovered(age time.Duration, flaps ...Flap) Input {
	back := up()
	back.State.Since = epoch.Add(-age)
	in := Input{Service: service(1, 1), Facts: [][]Fact{{back}, {up()}}, Auto: 1, Flaps: flaps, Now: epoch}
	in.Service.Failback.HoldDown = time.Hour
	return in
}

func TestHoldDownDoublesAndDecays(t *testing.T) {
	minutes := func(ago ...int) (flaps []Flap) {
		for _, m := range ago {
			flaps = append(flaps, flap(0, time.Duration(m)*time.Minute))
		}
		return flaps
	}
	for name, c := range map[string]struct {
		age   time.Duration
		flaps []Flap
		most  time.Duration
		want  time.Duration
	}{
		"nothing is remembered":          {want: time.Minute},
		"the first is free":              {flaps: minutes(3), want: time.Minute},
		"the second doubles":             {flaps: minutes(30, 3), want: 2 * time.Minute},
		"each one more doubles":          {flaps: minutes(30, 20, 10, 3), want: 8 * time.Minute},
		"up for a while already":         {age: 90 * time.Second, flaps: minutes(30, 3), want: 30 * time.Second},
		"no more than the most":          {flaps: minutes(30, 20, 10, 3), most: 5 * time.Minute, want: 5 * time.Minute},
		"enough are forgotten before it": {flaps: minutes(9, 8, 7, 6, 5, 4, 3, 2), want: 52 * time.Minute},
		"off":                            {flaps: minutes(30, 20, 10, 3), most: -1, want: time.Minute},
		"those of other targets":         {flaps: []Flap{flap(1, 9*time.Minute), flap(1, 8*time.Minute), flap(0, time.Minute)}, want: time.Minute},
		"an hour old is forgotten":       {flaps: minutes(60, 3), want: time.Minute},
		"one will be forgotten by then":  {flaps: minutes(58, 30, 3), want: 2 * time.Minute},
		"forgotten too late to help":     {flaps: minutes(55, 30, 3), want: 4 * time.Minute},
		"met at once when one is":        {age: 3 * time.Minute, flaps: minutes(59, 58, 3), want: time.Minute},
		"two are forgotten in the end":   {age: time.Minute, flaps: minutes(58, 57, 30, 10), want: 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			in := recovered(c.age, c.flaps...)
			if c.most != 0 {
				in.Service.Failback.HoldDown = max(c.most, 0)
			}
			d := Decide(in)
			if d.Target != 1 || !d.Next.Equal(epoch.Add(c.want)) {
				t.Errorf("serves %d until %v from now, wanted %v", d.Target, d.Next.Sub(epoch), c.want)
			}
		})
	}
}

// TestHoldDownEndsWhenItsDemandIsMet compares the instant that is computed with the first one found by trying.
func TestHoldDownEndsWhenItsDemandIsMet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := recovered(drawDuration(t, 0, 4*time.Minute, "age"), drawFlaps(t, 2, epoch)...)
		in.Service.Failback.After = drawDuration(t, 0, 90*time.Second, "after")
		in.Service.Failback.HoldDown = in.Service.Failback.After + drawDuration(t, 0, 90*time.Minute, "most")
		met := func(now time.Time) bool {
			flaps := 0
			for _, f := range in.Flaps {
				if f.Target == 0 && now.Sub(f.At) < time.Hour {
					flaps++
				}
			}
			demand := in.Service.Failback.After
			for range flaps - 1 {
				demand = min(2*demand, in.Service.Failback.HoldDown)
			}
			return now.Sub(in.Facts[0][0].State.Since) >= demand
		}
		found := epoch
		for !met(found) {
			found = found.Add(time.Millisecond)
		}
		if left := in.holdDown(0); !epoch.Add(left).Equal(found) {
			t.Fatalf("held down for %v, but the demand is met in %v", left, found.Sub(epoch))
		}
	})
}

func TestHoldDownIsAKnownEdge(t *testing.T) {
	in := recovered(20*time.Second, flap(0, 9*time.Minute), flap(0, time.Minute))
	ahead := Look(in)
	if len(ahead.Steps) != 2 || !ahead.Steps[1].Edge.Equal(epoch.Add(100*time.Second)) || ahead.Steps[1].Target != 0 {
		t.Fatalf("steps: %+v", ahead.Steps)
	}
	s := ahead.Timeline.Segments[0]
	if ttl := s.TTL(epoch.Add(70 * time.Second).UnixNano()); ttl != 29 {
		t.Errorf("30 s before the end of the hold-down the TTL is %d, wanted 29", ttl)
	}
}

func TestFlapIsASwitchAwayFromATargetThatIsDown(t *testing.T) {
	override, expired := &Override{Target: 1}, &Override{Target: 1, Until: epoch}
	for name, c := range map[string]struct {
		facts    [][]Fact
		auto     int
		override *Override
		allDown  string
		want     bool
	}{
		"nothing happens":                 {facts: [][]Fact{{up()}, {up()}}},
		"a failover":                      {facts: [][]Fact{{down()}, {up()}}, want: true},
		"to what is unknown":              {facts: [][]Fact{{down()}, {{}}}, want: true},
		"to the last, since all are down": {facts: [][]Fact{{down()}, {down()}}, want: true},
		"all down and held":               {facts: [][]Fact{{down()}, {down()}}, allDown: "hold"},
		"all down and nothing is served":  {facts: [][]Fact{{down()}, {down()}}, allDown: "none"},
		"a failback":                      {facts: [][]Fact{{up()}, {up()}}, auto: 1},
		"back, since the backup is down":  {facts: [][]Fact{{up()}, {down()}}, auto: 1, want: true},
		"underneath an override":          {facts: [][]Fact{{down()}, {up()}}, override: override},
		"after an override":               {facts: [][]Fact{{down()}, {up()}}, override: expired, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Service: service(1, 1), Facts: c.facts, Auto: c.auto, Override: c.override, Now: epoch, Flaps: []Flap{flap(1, 2*time.Hour), flap(1, time.Minute)}}
			if c.allDown != "" {
				in.Service.AllDown = config.AllDown(c.allDown)
			}
			d := Decide(in)
			want := in.Flaps[1:]
			if c.want {
				want = append(want[:1:1], Flap{c.auto, epoch})
			}
			if d.Flapped != c.want || !slices.Equal(d.Flaps, want) {
				t.Errorf("flapped %v, remembered %v, wanted %v", d.Flapped, d.Flaps, want)
			}
			in.Auto, in.Flaps = d.Auto, d.Flaps
			if again := Decide(in); again.Flapped {
				t.Error("the same flap counts twice")
			}
		})
	}
}

func TestNoMoreThanSoManyFlapsAreRemembered(t *testing.T) {
	in := Input{Service: service(1, 1), Now: epoch}
	for i := range 2 * maxFlaps {
		in.Facts = [][]Fact{{down()}, {up()}}
		if i%2 == 1 {
			in.Facts = [][]Fact{{up()}, {down()}}
		}
		in.Now = in.Now.Add(time.Second)
		d := Decide(in)
		in.Auto, in.Flaps = d.Auto, d.Flaps
		if !d.Flapped {
			t.Fatal("no flap")
		}
	}
	if n := len(in.Flaps); n != maxFlaps || !in.Flaps[n-1].At.Equal(in.Now) {
		t.Errorf("%d flaps are remembered, the last of %v", n, in.Flaps[n-1].At.Sub(in.Now))
	}
}

func TestClockThatIsSetBackForgetsFlapsThatAreToCome(t *testing.T) {
	in := recovered(0, flap(0, 5*time.Minute), flap(0, -time.Hour), flap(0, -2*time.Hour))
	in.Facts[0][0].State.Since = epoch.Add(2 * time.Hour)
	ahead := Look(in)
	if s := ahead.Steps; len(s) != 2 || !s[1].Edge.Equal(epoch.Add(time.Minute)) || len(s[0].Flaps) != 1 {
		t.Errorf("steps: %+v", s)
	}
}

func TestHoldDownBoundsTheTTLOfARecovery(t *testing.T) {
	// The primary can be up in 8 s at the earliest, and must stay so for two minutes then.
	in := recovered(0, flap(0, 9*time.Minute), flap(0, time.Minute))
	in.Facts = [][]Fact{{changing(down(), 8*time.Second)}, {up()}}
	want := epoch.Add(128 * time.Second).UnixNano()
	if got := Look(in).Timeline.Segments[0].Change; got != want {
		t.Errorf("the selection can change in %v", time.Duration(got-epoch.UnixNano()))
	}
	if in.Verdict(0) != checks.Down {
		t.Error("looking has changed its input")
	}
}

// period is one that begins at each fitting minute in UTC.
func period(t testing.TB, expression string, length time.Duration) *config.Period {
	schedule, err := cron.Parse(expression)
	if err != nil {
		t.Fatal(err)
	}
	return &config.Period{Cron: schedule, Timezone: time.UTC, For: length}
}

func TestFailbackOnlyInAPeriod(t *testing.T) {
	at := func(day, hour, minute, second int) time.Time {
		return time.Date(2026, 3, day, hour, minute, second, 0, time.UTC)
	}
	nightly := period(t, "0 3 * * *", 2*time.Hour)
	for name, c := range map[string]struct {
		now, since time.Time
		only       *config.Period
		next       time.Time // zero: it goes back at once
	}{
		"before it":                           {at(2, 1, 0, 0), at(1, 9, 0, 0), nightly, at(2, 3, 0, 0)},
		"at its begin":                        {at(2, 3, 0, 0), at(1, 9, 0, 0), nightly, time.Time{}},
		"within it":                           {at(2, 4, 59, 59), at(1, 9, 0, 0), nightly, time.Time{}},
		"at its end":                          {at(2, 5, 0, 0), at(1, 9, 0, 0), nightly, at(3, 3, 0, 0)},
		"up again within it":                  {at(2, 3, 10, 0), at(2, 3, 9, 50), nightly, at(2, 3, 10, 50)},
		"up again too late":                   {at(2, 4, 59, 30), at(2, 4, 59, 20), nightly, at(3, 3, 0, 0)},
		"up for long enough as it begins":     {at(2, 2, 59, 30), at(2, 2, 59, 0), nightly, at(2, 3, 0, 0)},
		"not up for long enough as it begins": {at(2, 2, 59, 30), at(2, 2, 59, 20), nightly, at(2, 3, 0, 20)},
	} {
		t.Run(name, func(t *testing.T) {
			in := recovered(0)
			in.Now, in.Facts[0][0].State.Since = c.now, c.since
			in.Service.Failback.OnlyIn = c.only
			d := Decide(in)
			if !d.Next.Equal(c.next) || (d.Target == 0) != c.next.IsZero() {
				t.Fatalf("serves %d until %v, wanted until %v: %s", d.Target, d.Next, c.next, d.Reason)
			}
			if c.next.IsZero() {
				return
			}
			ahead := Look(in)
			if s := ahead.Steps; len(s) != 2 || s[1].Target != 0 || !s[1].Edge.Equal(c.next) || ahead.Timeline.Segments[0].Edge != c.next.UnixNano() {
				t.Errorf("steps: %+v", s)
			}
		})
	}
}

func BenchmarkLookWithAPeriod(b *testing.B) {
	in := Input{Service: service(2, 2, 2), Auto: 1, Now: epoch}
	in.Facts = [][]Fact{{changing(down(), time.Second), changing(down(), 2*time.Second)}, {changing(up(), time.Second), up()}, {up(), up()}}
	in.Service.Failback.OnlyIn = period(b, "0 3 * * SUN", time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		Look(in)
	}
}
