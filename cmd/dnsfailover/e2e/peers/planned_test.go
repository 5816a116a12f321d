package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"dnsfailover/dnsfailover/api"
)

const plannedZone = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 5
@ NS ns1
ns1 A 127.0.0.1
`

const (
	usual, other = "127.67.1.1", "127.67.1.2"
	// length is that of the outage: longer than a TTL of 60 s and gdnsd's delays, so that all of them end in it.
	length = 75 * time.Second
	// notice is how long before it is announced.
	notice = 10 * time.Second
)

// phases are where in a second the windows begin.
var phases = []time.Duration{0, 250 * time.Millisecond, 500 * time.Millisecond, 750 * time.Millisecond}

func phased(phase time.Duration) string { return fmt.Sprintf("w%03d", phase.Milliseconds()) }

// TestPlannedThroughResolvers plans an outage, and looks at it through resolvers that people run, 20 times a second: through
// windows that begin at several phases of a second, an override, and for comparison a record with a fixed TTL of 60 s that is
// changed at the same moment, and gdnsd whose admin_state is. While a window is open no resolver that obeys TTLs gives the address
// that it switches away from.
func TestPlannedThroughResolvers(t *testing.T) {
	t.Parallel()
	_, port := freeAddress(t)
	for _, ip := range []string{usual, other} {
		site := &listener{t: t, at: net.JoinHostPort(ip, port)}
		site.open()
		t.Cleanup(site.close)
	}
	w := &world{services: "services:\n"}
	services := []string{"now"}
	for _, phase := range phases {
		services = append(services, phased(phase))
	}
	for _, name := range services {
		w.services += fmt.Sprintf("  - {name: %s, records: [%[1]s.planned.test], ttl: {min: 5s, max: 60s}, targets: [{name: primary, addresses: [%s]}, {name: backup, addresses: [%s]}]}\n",
			name, usual, other)
	}
	w.add(t, "planned.test.", plannedZone)
	w.add(t, "fixed.test.", fixedZone(usual))
	ours := startOurs(t, w, "")
	gdnsd := startGdnsd(t, "gdnsd.test", usual, other, port)

	to := []forward{{"planned.test", ours.address}, {"fixed.test", ours.address}, {"gdnsd.test", gdnsd.address}}
	var running []*server
	for _, r := range resolvers {
		running = append(running, r.start(t, r.name, to))
	}

	begin := time.Now().Add(notice).Truncate(time.Second)
	for _, phase := range phases {
		ours.plan(t, api.NewWindow{Service: phased(phase), Target: "backup", Start: begin.Add(phase), For: length.Seconds(), Reason: "kernel update"})
	}
	names := []string{"www.fixed.test.", "www.gdnsd.test."}
	for _, name := range services {
		names = append(names, name+".planned.test.")
	}
	views := make([]map[string]*view, len(running))
	for i, s := range running {
		views[i] = map[string]*view{}
		for _, name := range names {
			views[i][name] = s.watch(t, name, "")
		}
	}

	<-time.After(time.Until(begin))
	ours.cli(t, "switch", "now", "backup", "--for", length.String(), "--reason", "kernel update")
	write(t, ours.dir, fileName("fixed.test."), fixedZone(other))
	ours.cli(t, "reload")
	write(t, filepath.Join(gdnsd.dir, "state"), "admin_state", usual+"/site => DOWN\n")
	now := ours.service(t, "now")
	<-time.After(time.Until(begin.Add(phases[len(phases)-1] + length + 2*time.Second)))

	table := newTable("planned window", "after its end", "override", "fixed TTL 60", "gdnsd, admin_state")
	for i, r := range resolvers {
		var windows, ends tally
		for _, phase := range phases {
			v, start := views[i][phased(phase)+".planned.test."], begin.Add(phase)
			windows.add(v, start, start.Add(length), usual)
			ends.add(v, start.Add(length), start.Add(length+2*time.Second), other)
		}
		override := count(views[i]["now.planned.test."], now.Since, begin.Add(length), usual)
		table.row(r.name, windows, ends, override,
			count(views[i]["www.fixed.test."], begin, begin.Add(length), usual),
			count(views[i]["www.gdnsd.test."], begin, begin.Add(length), usual))
		// What keeps answers for longer than their TTL says is out of our hands; for how long is known.
		floor := max(time.Duration(r.floor)*time.Second-time.Second, 0)
		switch {
		case windows.failed+override.failed > 0:
			t.Errorf("%s: %d answers were none", r.name, windows.failed+override.failed)
		case windows.asked < 100:
			t.Errorf("%s: only %d answers were seen", r.name, windows.asked)
		case windows.old > 0 && windows.last > floor:
			t.Errorf("%s: %d of %d answers in a window had the old address, the last %s after its start", r.name, windows.old, windows.asked, windows.last)
		case ends.last > time.Second+floor+200*time.Millisecond:
			t.Errorf("%s: the last answer with the backup's address came %s after a window's end", r.name, ends.last)
		case override.last > now.DrainedAt.Sub(now.Since)+floor:
			t.Errorf("%s: an answer had the old address %s after the override, drained was promised for %s", r.name, override.last, now.DrainedAt.Sub(now.Since))
		}
	}
	t.Logf("old answers of all, and when the last one came; an outage of %s, announced %s before\n%s", length, notice, table)
}

func fixedZone(address string) string {
	return plannedZone + "www 60 A " + address + "\n"
}

// tally counts the answers of a span of time.
type tally struct {
	asked, old, failed int
	last               time.Duration // when the last old one was asked for, from the begin of the span
}

// count counts what was asked for and came in [from, to), and what of it had the old address.
func count(v *view, from, to time.Time, old string) tally {
	var c tally
	c.add(v, from, to, old)
	return c
}

func (c *tally) add(v *view, from, to time.Time, old string) {
	for _, a := range v.since(from) {
		if !a.came.Before(to) { // it may be of what was served from then on
			return
		}
		c.asked++
		switch a.address {
		case usual, other:
		default:
			c.failed++
		}
		if a.address == old {
			c.old++
			c.last = max(c.last, a.asked.Sub(from).Round(10*time.Millisecond))
		}
	}
}

func (c tally) String() string {
	if c.old == 0 {
		return fmt.Sprintf("0 of %d", c.asked)
	}
	return fmt.Sprintf("%d of %d, %.2f s", c.old, c.asked, c.last.Seconds())
}

// table is what the test prints.
type table struct {
	text bytes.Buffer
	w    *tabwriter.Writer
}

func newTable(columns ...string) *table {
	t := &table{}
	t.w = tabwriter.NewWriter(&t.text, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t.w, "resolver\t%s\n", strings.Join(columns, "\t"))
	return t
}

func (t *table) row(name string, tallies ...tally) {
	fmt.Fprint(t.w, name)
	for _, c := range tallies {
		fmt.Fprintf(t.w, "\t%s", c)
	}
	fmt.Fprintln(t.w)
}

func (t *table) String() string {
	t.w.Flush()
	return t.text.String()
}

// plan announces a window.
func (s *server) plan(t *testing.T, window api.NewWindow) {
	t.Helper()
	body, err := json.Marshal(window)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "control.sock"))
	}}}
	defer client.CloseIdleConnections()
	resp, err := client.Post("http://localhost/api/v1/windows", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("plan a window: %s: %s", resp.Status, text)
	}
}

func mkdir(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
