package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dnsfailover/dnsfailover/api"
)

var noon = time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

// busy is a status in which everything happens at once, with texts of hostile hosts.
func busy() api.Status {
	return api.Status{
		Version: "1.2.3", Started: noon.Add(-72 * time.Hour), Ready: false,
		Problems: []string{"zone example.com. is served as it was at 10:00: example.com.zone:7: \"A\x1b]0;owned\x07\""},
		Services: []api.Service{
			{
				Name: "web", Serving: "primary", Answers: []string{"203.0.113.10", "2001:db8::10"}, Rule: "verdicts",
				Reason: "primary is up and the first in order", Since: noon.Add(-52 * time.Hour), TTL: 60, DrainedAt: at(-51 * time.Hour),
				NextChange: &api.NextChange{At: noon.Add(20 * time.Hour), Serving: "backup", Reason: "weekly patches"},
				Targets: []api.Target{
					{Name: "primary", Verdict: "up", Addresses: []api.Address{
						{Address: "203.0.113.10", Verdict: "up", Since: at(-52 * time.Hour), LastResult: "status 200 OK", Consecutive: 37440, LatencyMS: 12.34, Checked: true},
						{Address: "2001:db8::10", Verdict: "up", Since: at(-90 * time.Second), LastResult: "status 200 OK", Consecutive: 18, LatencyMS: 8, Checked: true},
						{Address: "203.0.113.11", Verdict: "down", Since: at(-5 * time.Second), LastResult: "got \"\x1b[2J\u202eevil\xff\", wanted \"ok\"", Consecutive: 3, LatencyMS: 1234.5, Checked: true},
					}},
					{Name: "backup", Verdict: "unknown", Addresses: []api.Address{{Address: "198.51.100.20", Verdict: "unknown", Checked: true}}},
				},
			},
			{
				Name: "日本", Serving: "backup", Answers: []string{"198.51.100.20"}, Rule: "override",
				Reason: "switched by an operator", Since: noon.Add(-19 * time.Second), TTL: 5, DrainedAt: at(41*time.Second + 300*time.Millisecond),
				Override:   &api.Override{Target: "backup", Since: noon, Until: at(30 * time.Minute), Reason: "kernel\nupdate", Author: "alice"},
				NextChange: &api.NextChange{At: noon.Add(30 * time.Minute), Serving: "", Reason: "the override expires"},
				Targets: []api.Target{
					{Name: "第一", Verdict: "down", Flaps: 2, Addresses: []api.Address{{Address: "203.0.113.12", Verdict: "down", Since: at(-time.Hour), LastResult: "connection refused", Consecutive: 720, LatencyMS: 0.4, Checked: true}}},
					{Name: "backup", Verdict: "up", Addresses: []api.Address{{Address: "198.51.100.20", Verdict: "up"}}},
				},
			},
			{Name: "mail", Rule: "all_down", Reason: "none of the targets is up", Since: noon, Targets: []api.Target{{Name: "only", Verdict: "down", Addresses: []api.Address{{Address: "203.0.113.13", Verdict: "down", Since: at(0), Checked: true}}}}},
		},
	}
}

// several is a status with several checks of an address, and with canaries and a gateway that are down.
func several() api.Status {
	down := at(-40 * time.Second)
	return api.Status{
		Problems: []string{"verdicts are frozen since 2030-01-31T11:59:20Z: the canaries are down (one: connect timed out after 3s), so it is this host that is cut off"},
		Services: []api.Service{{
			Name: "web", Serving: "primary", Answers: []string{"203.0.113.10"}, Rule: "frozen", Reason: "the canaries are down", Since: noon, TTL: 60,
			Targets: []api.Target{
				{Name: "primary", Verdict: "up", Addresses: []api.Address{{
					Address: "203.0.113.10", Verdict: "up", Since: at(-time.Hour), Checked: true, LatencyMS: 8, Need: 1,
					Checks: []api.Check{
						{Name: "http", Verdict: "up", Since: at(-time.Hour), LastResult: "status 200", Consecutive: 300, LatencyMS: 8},
						{Name: "smtp", Verdict: "down", Since: at(-time.Minute), LastResult: "connection refused", Consecutive: 12, LatencyMS: 0.2},
					},
				}}},
				{Name: "backup", Verdict: "up", Addresses: []api.Address{{
					Address: "198.51.100.20", Verdict: "up", Since: at(-time.Hour), Checked: true, LastResult: "connected", LatencyMS: 1,
					Frozen: "gateway, which it requires, is down (connection refused)",
				}}},
			},
		}},
		Guards: []api.Guard{
			{Name: "canaries", Verdict: "down", FrozenSince: down, Checks: []api.Check{
				{Name: "one", Verdict: "down", Since: down, LastResult: "connect timed out after 3s", Consecutive: 9, LatencyMS: 3000},
				{Name: "two", Verdict: "down", Since: down, LastResult: "connect timed out after 3s", Consecutive: 9, LatencyMS: 3000},
			}},
			{Name: "gateway", Verdict: "up", Checks: []api.Check{{Verdict: "up", Since: at(-time.Hour), LastResult: "connected", Consecutive: 9, LatencyMS: 1}}},
		},
	}
}

func render(status api.Status, l look) string {
	var out strings.Builder
	printStatus(&out, status, noon, l)
	return out.String()
}

func TestStatusAsATable(t *testing.T) {
	golden(t, "status.txt", render(busy(), look{}))
	golden(t, "status-narrow.txt", render(busy(), look{width: 80, height: 24}))
	golden(t, "status-narrower.txt", render(busy(), look{width: 50, height: 24}))
	golden(t, "status-colour.txt", render(busy(), look{color: true}))
	golden(t, "status-several.txt", render(several(), look{}))
	golden(t, "status-empty.txt", render(api.Status{Ready: true}, look{}))
}

// Fault 36: no text of others steers the terminal.
func TestNothingThatOthersWroteReachesTheTerminalRaw(t *testing.T) {
	text := render(busy(), look{})
	for _, hostile := range []string{"\x1b", "\x07", "\xff", "\u202e"} {
		if strings.Contains(text, hostile) {
			t.Errorf("%q is there raw: %s", hostile, text)
		}
	}
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for width := 10; width <= 120; width++ {
		for _, line := range strings.Split(render(busy(), look{width: width}), "\n") {
			if n := columns(line); n > width {
				t.Errorf("%d columns on %d: %s", n, width, line)
			}
		}
	}
}

func TestANarrowTerminalGetsFewerColumns(t *testing.T) {
	status := api.Status{Ready: true, Services: busy().Services[:1]}
	for width, want := range map[int]string{
		120: "TARGET VERDICT ADDRESS VERDICT FOR LATENCY RUN LAST RESULT",
		79:  "TARGET VERDICT ADDRESS VERDICT FOR LATENCY RUN LAST RESULT",
		78:  "TARGET VERDICT ADDRESS VERDICT FOR LATENCY RUN",
		65:  "TARGET VERDICT ADDRESS VERDICT FOR LATENCY RUN",
		64:  "TARGET VERDICT ADDRESS VERDICT FOR RUN",
		56:  "TARGET VERDICT ADDRESS VERDICT FOR RUN",
		55:  "TARGET VERDICT ADDRESS VERDICT FOR",
		49:  "TARGET VERDICT ADDRESS VERDICT FOR",
	} {
		for line := range strings.Lines(render(status, look{width: width})) {
			if head := strings.Join(strings.Fields(line), " "); strings.HasPrefix(head, "TARGET") && head != want {
				t.Errorf("%d columns: %s, want %s", width, head, want)
			}
		}
	}
}

func TestChangesAreALineEach(t *testing.T) {
	before, after := busy(), busy()
	before.Services[0].Targets[0].Addresses[2].Verdict = "up"
	before.Services[0].Answers = append(before.Services[0].Answers, "203.0.113.11")
	before.Services[1].TTL, before.Services[1].DrainedAt = 60, nil // no news
	before.Problems = []string{"the state can't be stored"}
	after.Services = after.Services[:2]
	want := []string{
		"problem: " + after.Problems[0],
		"mended: the state can't be stored",
		"web: primary at 203.0.113.11 is down: " + after.Services[0].Targets[0].Addresses[2].LastResult,
		"web: serves primary at 203.0.113.10, 2001:db8::10 (verdicts: primary is up and the first in order)",
		"mail: is no longer configured",
	}
	if diff := cmp.Diff(want, changes(before, after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := changes(after, after); got != nil {
		t.Errorf("no change is told as %q", got)
	}
	if got := changes(api.Status{}, after); len(got) != 3 {
		t.Errorf("the first lines are %q", got)
	}
}

func TestAScreenIsReplacedLineByLine(t *testing.T) {
	if got, want := frame("a\nb\n", 0), "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := frame("a\nb\nc\n", 2), "\x1b[Ha\x1b[K\r\n...\x1b[K\x1b[J"; got != want {
		t.Errorf("cut: %q, want %q", got, want)
	}
}

func TestAWatchedScreenIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		asked := 0
		var out strings.Builder
		err := watchScreen(ctx, &out, func() (api.Status, error) {
			switch asked++; asked {
			case 1:
				return busy(), nil
			case 2:
				return api.Status{}, &api.Unreachable{Socket: "x.sock", Err: errors.New("connection refused")}
			}
			cancel()
			return api.Status{}, ctx.Err()
		})
		if err != nil {
			t.Error(err)
		}
		got := out.String()
		if !strings.HasPrefix(got, enterScreen+toTop) || !strings.HasSuffix(got, clearBelow+leaveScreen) {
			t.Errorf("screen: %q", got)
		}
		if !strings.Contains(got, "web: primary at") || !strings.Contains(got, "no server answers on x.sock") {
			t.Errorf("shown: %q", got)
		}
	})
}

func TestWatchedLinesTellOfAServerThatGoesAwayOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		asked := 0
		var out strings.Builder
		err := watchLines(ctx, &out, busy(), func() (api.Status, error) {
			switch asked++; {
			case asked < 3:
				return busy(), nil
			case asked < 6:
				return api.Status{}, &api.Unreachable{Socket: "x.sock", Err: errors.New("connection refused")}
			case asked < 9:
				return busy(), nil
			}
			cancel()
			return api.Status{}, ctx.Err()
		})
		if err != nil {
			t.Error(err)
		}
		var lines []string
		for line := range strings.Lines(out.String()) {
			_, text, _ := strings.Cut(line, " ")
			lines = append(lines, text[:min(12, len(text))])
		}
		want := []string{"problem: zon", "web: serves ", "日本: serv", "mail: serves", "no server an", "the server a"}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
