package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
)

// TestFault02KillAtRandom kills a server that writes overrides of three services as fast as it can, under queries, over and over,
// at whatever moment. No override that was acknowledged is lost, none is read that nobody sent, and nothing is left over.
func TestFault02KillAtRandom(t *testing.T) {
	t.Parallel()
	const services, kills, limit = 3, 60, 12 * time.Second
	config := fmt.Sprintf("listen: {dns: [\"%s:%d\"], admin: \"off\", control: control.sock}\n", newIP(), freePort(t)) +
		"state: state\nzones: [{name: example.test, file: example.test.zone}]\nservices:\n"
	for i := range services {
		config += fmt.Sprintf("  - {name: s%d, records: [w%d.example.test], targets: [{name: primary, addresses: [192.0.2.1]}, {name: backup, addresses: [192.0.2.2]}]}\n", i, i)
	}
	s := newServer(t, "", "")
	s.write("dnsfailover.yaml", config)
	s.start()

	load := newLoad(s.dns, services)
	t.Cleanup(load.stop)
	writers := make([]*writer, services)
	for i := range writers {
		writers[i] = &writer{service: fmt.Sprintf("s%d", i), client: s.client()}
	}
	var slowest time.Duration
	largest, died := int64(0), 0
	first := time.Now()
	for begin := first; died < kills && time.Since(begin) < limit; died++ {
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		for _, w := range writers {
			writing.Go(func() { w.write(ctx) })
		}
		moment := time.NewTimer(rand.N(60 * time.Millisecond))
		<-moment.C
		s.Kill()
		stop()
		writing.Wait()

		// Every other time the new one is killed at once too, wherever it is by then.
		if died%2 == 1 {
			s.launch()
			moment.Reset(rand.N(40 * time.Millisecond))
			<-moment.C
			s.Kill()
		}
		restart := time.Now()
		s.start()
		slowest = max(slowest, time.Since(restart))
		status, err := writers[0].client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(status.Problems) > 0 {
			t.Fatalf("after kill %d: %v", died+1, status.Problems)
		}
		for i, w := range writers {
			w.check(t, status.Services[i])
			name := fmt.Sprintf("w%d.example.test", i)
			if got, _ := s.addresses(name, dns.TypeA); got != served[target(w.acknowledged)] {
				t.Errorf("after kill %d: %s is %s, but override %d is in force", died+1, name, got, w.acknowledged)
			}
		}
		if left := s.entries("state"); !slices.Equal(left, []string{"cookie.secret", "dnsfailover.db", "history.db"}) {
			t.Fatalf("after kill %d the state directory holds %v", died+1, left)
		}
		info, err := os.Stat(s.path("state/dnsfailover.db"))
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
	}
	written := 0
	for _, w := range writers {
		w.checkHistory(t, first)
		written += w.acknowledged
	}
	load.stop()
	t.Logf("%d kills: %d overrides acknowledged, none lost; ready again within %v; the state file has at most %d octets; %d answers meanwhile, none wrong",
		died, written, slowest.Round(time.Millisecond), largest, load.answers.Load())
	for _, wrong := range load.wrong {
		t.Errorf("answer while servers died: %s", wrong)
	}
	if written == 0 || load.answers.Load() == 0 {
		t.Error("nothing was written or answered")
	}
	if largest > 256<<10 {
		t.Errorf("the state file has grown to %d octets", largest)
	}
}

// writer overrides a service again and again. Each override has a number, and can be told from its target and its reason.
type writer struct {
	service                 string
	client                  *api.Client
	acknowledged, attempted int
	done                    []int // the numbers of all that were acknowledged, since the last checks of the history
}

func (w *writer) reason(n int) string {
	return fmt.Sprintf("%s number %d %s", w.service, n, strings.Repeat(".", n%300))
}

// write writes overrides until the server is gone.
func (w *writer) write(ctx context.Context) {
	for ctx.Err() == nil {
		w.attempted++
		_, err := w.client.Switch(ctx, w.service, api.Switch{Target: target(w.attempted), UntilReleased: true, Reason: w.reason(w.attempted)})
		if err != nil {
			return
		}
		w.acknowledged = w.attempted
		w.done = append(w.done, w.attempted)
	}
}

// checkHistory wants a switch in the history for each override that was acknowledged since begin.
func (w *writer) checkHistory(t *testing.T, begin time.Time) {
	t.Helper()
	found := map[string]bool{}
	for q := (api.HistoryQuery{Service: w.service, Kinds: []string{api.EventSwitch}, Since: begin, Limit: 1000}); ; {
		history, err := w.client.History(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range history.Events {
			if e.Before == nil || e.After == nil || e.After.Override == nil || *e.After.Serving != e.Target {
				t.Fatalf("half an event: %+v", e)
			}
			found[e.After.Override.Reason] = true
			q.After = e.ID
		}
		if !history.More {
			break
		}
	}
	for _, n := range w.done {
		if !found[w.reason(n)] {
			t.Errorf("override %d of %s was acknowledged and is not in the history", n, w.service)
		}
	}
	w.done = nil
}

// check compares what a new server has read with what was written.
func (w *writer) check(t *testing.T, service api.Service) {
	t.Helper()
	if service.Override == nil {
		if w.acknowledged > 0 {
			t.Fatalf("override %d of %s was acknowledged and is lost", w.acknowledged, w.service)
		}
		return
	}
	for n := w.attempted; n >= w.acknowledged; n-- {
		if service.Override.Reason == w.reason(n) && service.Override.Target == target(n) {
			w.acknowledged = n // it is in force now, whether or not somebody was told
			return
		}
	}
	t.Fatalf("%s has the override %+v; the last one acknowledged is %d, the last one sent %d", w.service, service.Override, w.acknowledged, w.attempted)
}

// load asks for the names w0, w1… without end, and keeps what is answered and can't be right.
type load struct {
	answers atomic.Int64
	lost    atomic.Int64
	done    chan struct{}
	once    sync.Once
	asking  sync.WaitGroup
	wrong   []string // to be read after stop
}

func newLoad(address string, names int) *load {
	l := &load{done: make(chan struct{})}
	asker := &server{dns: address}
	l.asking.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-l.done:
				return
			default:
			}
			name := fmt.Sprintf("w%d.example.test", n%names)
			switch got, _ := asker.addresses(name, dns.TypeA); got {
			case "":
				l.lost.Add(1)
			case served["primary"], served["backup"]:
				l.answers.Add(1)
			default:
				l.wrong = append(l.wrong, name+" A is "+got)
			}
		}
	})
	return l
}

func (l *load) stop() {
	l.once.Do(func() { close(l.done) })
	l.asking.Wait()
}
