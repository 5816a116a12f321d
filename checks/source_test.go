package checks

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAProbeDialsFromItsSource(t *testing.T) {
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.RemoteAddr }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &HTTPProbe{URL: u, Address: netip.MustParseAddr("127.0.0.1")}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if r := p.Run(From(ctx, Source{Address: netip.MustParseAddr("127.0.0.7")})); !r.OK {
		t.Fatal(r.Reason)
	}
	if from := <-seen; !strings.HasPrefix(from, "127.0.0.7:") {
		t.Errorf("dialled from %s", from)
	}
	r := p.Run(From(ctx, Source{Address: netip.MustParseAddr("192.0.2.77")}))
	if r.OK || !r.Inconclusive || r.Reason != "no local address or port left to dial from" {
		t.Errorf("from an address that this host doesn't have: %+v", r)
	}
	r = p.Run(From(ctx, Source{Interface: "nosuchdevice0"}))
	if r.OK || !r.Inconclusive || !strings.HasPrefix(r.Reason, "this host has no route there: ") {
		t.Errorf("from an interface that this host doesn't have: %+v", r)
	}
}

// TestMaintenanceIsSaidByTheServer covers 503 with Retry-After, which is believed at once unless it is to be ignored.
func TestMaintenanceIsSaidByTheServer(t *testing.T) {
	after := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL)
	plain := HTTPProbe{URL: u, Address: netip.MustParseAddr("127.0.0.1")}
	ignoring, wanting := plain, plain
	ignoring.DoubtMaintenance = true
	wanting.Statuses = []StatusRange{{503, 503}}
	for name, c := range map[string]struct {
		probe       HTTPProbe
		after       string
		ok, believe bool
		reason      string
	}{
		"without Retry-After":    {plain, "", false, false, "status 503, wanted 200-299"},
		"with it":                {plain, "3600", false, true, "says that it is in maintenance: status 503, Retry-After: 3600"},
		"with a date":            {plain, "Fri, 31 Dec 2999 23:59:59 GMT", false, true, "says that it is in maintenance: status 503, Retry-After: Fri, 31 Dec 2999 23:59:59 GMT"},
		"ignored":                {ignoring, "3600", false, false, "status 503, wanted 200-299"},
		"if 503 is what is good": {wanting, "3600", true, false, "status 503"},
	} {
		after = c.after
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		r := c.probe.Run(ctx)
		cancel()
		if r.OK != c.ok || r.Maintenance != c.believe || r.Reason != c.reason {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestMaintenanceIsDownAtOnceAndUpLikeAnythingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var maintenance atomic.Bool
		p := &fake{name: "site", run: func(context.Context) Result {
			return Result{OK: !maintenance.Load(), Maintenance: maintenance.Load(), Reason: "as told"}
		}}
		b.Set([]*Check{check("site", p)}, nil)
		b.start(t)
		after(30 * time.Second)
		maintenance.Store(true)
		after(12 * time.Second)
		s := b.States()["site"]
		if s.Verdict != Down {
			t.Errorf("state %+v", s)
		}
		maintenance.Store(false)
		after(6 * time.Second)
		if s := b.States()["site"]; s.Verdict != Down {
			t.Errorf("up again too soon: %+v", s)
		}
		after(8 * time.Second)
		if s := b.States()["site"]; s.Verdict != Up {
			t.Errorf("not up again: %+v", s)
		}
	})
}

func TestAnInvertedProbeWantsTheOpposite(t *testing.T) {
	closed := freePort(t)
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for addr, want := range map[string]string{
		closed:               "true connection refused, as it must (invert)",
		open.Addr().String(): "false connected, which it must not (invert)",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		r := Inverted{&TCPProbe{Address: netip.MustParseAddrPort(addr)}}.Run(ctx)
		cancel()
		if got := fmt.Sprint(r.OK, " ", r.Reason); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if r := (Inverted{&fake{run: func(context.Context) Result { return Result{Inconclusive: true} }}}).Run(t.Context()); r.OK || !r.Inconclusive {
		t.Errorf("inconclusive became %+v", r)
	}
}

// freePort returns an address at which nobody listens.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestTheFirstRecheckLooksAtTheOtherFamilyToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var broken atomic.Bool
		main := &fake{name: "main", run: func(context.Context) Result { return Result{OK: !broken.Load(), Reason: "as told"} }}
		other := &fake{name: "other", run: answers(true)}
		c := check("site", main)
		c.Other, c.OtherName = other, "IPv6 (2001:db8::1)"
		b.Set([]*Check{c}, nil)
		b.start(t)
		after(30 * time.Second)
		if n := len(other.started()); n != 0 {
			t.Fatalf("the other family was probed %d times while all was well", n)
		}
		broken.Store(true)
		after(30 * time.Second)
		if n := len(other.started()); n != 1 {
			t.Errorf("the other family was probed %d times, want once", n)
		}
		noted := 0
		for _, past := range b.Results("site") {
			if past.Reason == "as told; over IPv6 (2001:db8::1) it answers: as told" {
				noted++
			}
		}
		if noted != 1 {
			t.Errorf("noted %d times", noted)
		}
	})
}

func TestTooManyProbesWaitInTurnAndAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.traffic.limit = 10
		slow := &fake{name: "slow", run: hangs}
		var list []*Check
		for i := range 100 {
			list = append(list, check(fmt.Sprint("c", i), slow))
		}
		b.Set(list, nil)
		b.start(t)
		after(5 * time.Minute)
		if _, most := slow.busy(); most != 10 {
			t.Errorf("%d probes at the same time, want 10", most)
		}
		// Ten at a time, for 3 s each: one thousand in five minutes, ten for each check.
		n, shed := 0, uint64(0)
		for i := range 100 {
			snap, _ := b.Snapshot(fmt.Sprint("c", i))
			if got := snap.Stats.Failures; got < 4 || got > 18 {
				t.Errorf("c%d was probed %d times", i, got)
			}
			n += int(snap.Stats.Failures)
			shed += snap.Stats.Shed
		}
		load := b.Load()
		if load.UnderWay != 10 || load.Limit != 10 || load.Shed == 0 || load.Shed < shed {
			t.Errorf("load %+v, of the checks %d", load, shed)
		}
		if n < 950 {
			t.Errorf("%d probes", n)
		}
	})
}

func TestProbesStartWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var list []*Check
		states := map[string]State{}
		for i := range 1000 {
			c := check(fmt.Sprint("c", i), &fake{name: "well", run: answers(true)})
			list, states[c.ID] = append(list, c), State{Verdict: Up}
		}
		b.Set(list, states)
		b.start(t)
		after(time.Minute)
		load := b.Load()
		if load.Started < 5000 || load.LateBuckets[0] != load.Started {
			t.Errorf("%+v", load)
		}
		// Spread evenly: in each second of the interval about a tenth.
		seconds := map[int64]int{}
		for _, c := range list {
			starts := c.Probe.(*fake).started()
			seconds[starts[len(starts)-1].UnixMilli()/1000%10]++
		}
		for s := range int64(10) {
			if n := seconds[s]; n < 50 || n > 150 {
				t.Errorf("%d probes of 1,000 in second %d of 10", n, s)
			}
		}
	})
}
