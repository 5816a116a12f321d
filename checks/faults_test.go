package checks

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// crowd are n checks of a bench that all run p and are up.
func crowd(n int, p Probe) (list []*Check, states map[string]State) {
	states = map[string]State{}
	for i := range n {
		c := check(fmt.Sprint("c", i), p)
		list, states[c.ID] = append(list, c), State{Verdict: Up}
	}
	return list, states
}

// TestFault30AGzipBomb has servers send a gigabyte that is packed into one megabyte, asked or not: it is not unpacked, and no
// more than the bound of it is read.
func TestFault30AGzipBomb(t *testing.T) {
	var member strings.Builder // RFC 1952 section 2.2: a file is a series of them
	pack := gzip.NewWriter(&member)
	if _, err := pack.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := strings.Repeat(member.String(), 1<<10)
	for _, version := range []int{1, 2} {
		asked := ""
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Header.Get("Accept-Encoding")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, bomb)
		}))
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetHTTP1(version == 1)
		server.Config.Protocols.SetUnencryptedHTTP2(version == 2)
		server.Start()
		u, _ := url.Parse(server.URL)
		p := &HTTPProbe{URL: u, Address: netip.MustParseAddr("127.0.0.1"), HTTP2: version == 2, Body: BodyRules{Contains: "ok"}}
		run(t, p, patience) // what is allocated once is now
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := run(t, p, patience)
		runtime.ReadMemStats(&after)
		server.Close()
		if r.OK || r.Reason != `body does not contain "ok" in its first 65536 bytes` || asked != "" {
			t.Errorf("HTTP/%d: %+v, asked for %q", version, r, asked)
		}
		// The server, which is in this process too, sends no more than what fits into the buffers of a connection.
		took := after.TotalAlloc - before.TotalAlloc
		if took > 8<<20 {
			t.Errorf("HTTP/%d: %d KiB of memory", version, took>>10)
		}
		t.Logf("HTTP/%d: %d KiB on the way, 1 GiB unpacked: %d KiB were allocated, by the server too", version, len(bomb)>>10, took>>10)
	}
}

// TestFault39AllChecksFlap has 10,000 checks fail two times of three, where three in a row are wanted: no verdict moves, and so
// nothing but the runs is reported.
func TestFault39AllChecksFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		turn := map[string]int{}
		list, states := crowd(10_000, nil)
		for _, c := range list {
			c.Probe = &fake{name: c.ID, run: func(context.Context) Result {
				turn := turnOf(b, turn, c.ID)
				return Result{OK: turn%3 == 0, Reason: fmt.Sprint("turn ", turn)}
			}}
		}
		b.Set(list, states)
		b.start(t)
		after(time.Minute)
		for _, tr := range b.transitions() {
			if tr.State.Verdict != Up {
				t.Fatalf("%s is %s after %d failures", tr.Check.ID, tr.State.Verdict, tr.State.Run)
			}
		}
		load := b.Load()
		if load.Shed > 0 || load.Started < 10_000*12 {
			t.Errorf("%+v", load)
		}
		t.Logf("%d probes in a minute, %d reports, no verdict moved", load.Started, len(b.transitions()))
	})
}

// turnOf counts the probes of a check.
func turnOf(b *bench, turn map[string]int, id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	turn[id]++
	return turn[id]
}

// TestFault40AllChecksTimeOutAtOnce has 10,000 checks that were up time out from one moment on, and be rechecked one timeout after
// another, for which there is no room at once. All go down nearly as fast as one alone, then the schedule has its rate
// again, and the starts stay spread: no moment has a herd of them.
func TestFault40AllChecksTimeOutAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.traffic.limit = maxUnderWay
		began := time.Now()
		p := &fake{name: "far", run: func(ctx context.Context) Result {
			if time.Since(began) < 30*time.Second {
				return Result{OK: true}
			}
			return hangs(ctx)
		}}
		list, states := crowd(10_000, p)
		b.Set(list, states)
		b.start(t)
		down := func() (n int) {
			for _, s := range b.States() {
				if s.Verdict == Down {
					n++
				}
			}
			return n
		}
		after(30*time.Second + WorstDetection(list[0]))
		soon := down()
		after(2 * list[0].Timeout)
		in := down()
		before := b.Load()
		after(time.Minute)
		load := b.Load()
		most := map[int64]int{}
		herd := 0
		for _, at := range p.started() {
			if at.Sub(began) > 30*time.Second {
				most[at.UnixMilli()/100]++
				herd = max(herd, most[at.UnixMilli()/100])
			}
		}
		_, together := p.busy()
		if soon < len(list)*9/10 || in != len(list) || load.Shed > 0 || together > maxUnderWay {
			t.Errorf("%d are down in time, and %d soon after; %+v; %d at once", soon, in, load, together)
		}
		if rate := float64(load.Started-before.Started) / 60; rate < 950 || rate > 1050 {
			t.Errorf("%.0f probes a second, want 1,000", rate)
		}
		// A thousand a second at the interval, 3,333 while they are rechecked one after another.
		if herd > 1000 {
			t.Errorf("%d started within 100 ms", herd)
		}
		t.Logf("%d down as fast as one alone, all of %d two timeouts later; %d under way at most, %d started within 100 ms at most", soon, in, together, herd)
	})
}

// TestPeers29EachStatusHasItsPolicy asks servers for all that they can answer in trouble: what is not said to be good is bad, but for
// what a server in maintenance says, and the reason names the status.
func TestPeers29EachStatusHasItsPolicy(t *testing.T) {
	var status int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/later" {
			w.Header().Set("Retry-After", "60")
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL)
	later, _ := url.Parse(server.URL + "/later")
	plain := &HTTPProbe{URL: u, Address: netip.MustParseAddr("127.0.0.1")}
	busy := &HTTPProbe{URL: later, Address: plain.Address}
	alive := &HTTPProbe{URL: later, Address: plain.Address, Statuses: []StatusRange{{200, 299}, {500, 599}}}
	for _, status = range []int{500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 521, 530, 599} {
		want := fmt.Sprintf("status %d, wanted 200-299", status)
		if r := run(t, plain, patience); r.OK || r.Maintenance || r.Reason != want {
			t.Errorf("%d: %+v", status, r)
		}
		maintenance := status == 503
		if maintenance {
			want = "says that it is in maintenance: status 503, Retry-After: 60"
		}
		if r := run(t, busy, patience); r.OK || r.Maintenance != maintenance || r.Reason != want {
			t.Errorf("%d with Retry-After: %+v", status, r)
		}
		if r := run(t, alive, patience); !r.OK || r.Maintenance || r.Reason != fmt.Sprintf("status %d", status) {
			t.Errorf("%d where 500-599 is good: %+v", status, r)
		}
	}
}
