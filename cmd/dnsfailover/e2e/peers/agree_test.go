package peers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestAgreement asks dnsfailover, NSD, Knot and BIND the same questions about the same zones and compares the whole
// answers. What differs must be in the table of known differences.
func TestAgreement(t *testing.T) {
	seen, peers := make([]int, len(known)), map[string]bool{}
	for _, try := range []struct {
		name string
		make func(*testing.T) *world
	}{{"zones in files", filesWorld}, {"a root zone", rootWorld}, {"generated zones", generatedWorld}} {
		t.Run(try.name, func(t *testing.T) {
			w := try.make(t)
			rnd := rand.New(rand.NewPCG(1, uint64(len(w.zones))))
			questions := w.questions(rnd)
			ours := startOurs(t, w, "")
			before := askAll(t, ours, questions)
			for peer, start := range map[string]func(*testing.T, *world) *server{"NSD": startNSD, "Knot": startKnot, "BIND": startBIND} {
				t.Run(peer, func(t *testing.T) {
					s := start(t, w)
					peers[peer] = true
					compareAll(t, w, peer, questions, before, askAll(t, s, questions), seen)
				})
			}
		})
	}
	for i, k := range known {
		if seen[i] == 0 && len(peers) == 3 {
			t.Errorf("no answer differs in %s: remove it from the table", k.says)
		}
	}
}

// askAll asks a server all questions, a few at a time, and returns what it answered.
func askAll(t *testing.T, s *server, questions []question) [][]byte {
	t.Helper()
	answers := make([][]byte, len(questions))
	begin := time.Now()
	var group sync.WaitGroup
	const clients = 8
	for c := range clients {
		group.Add(1)
		go func() {
			defer group.Done()
			l := &line{address: s.address}
			defer l.close()
			for i := c; i < len(questions); i += clients {
				got, err := l.ask(questions[i])
				if err != nil {
					t.Errorf("%s: %v: %v", s.Name, questions[i], err)
					return
				}
				answers[i] = got
			}
		}()
	}
	group.Wait()
	t.Logf("%s: %d questions answered in %v", s.Name, len(questions), time.Since(begin).Round(time.Millisecond))
	return answers
}

// compareAll fails for each difference that is not known, and prints how often each known one was seen.
func compareAll(t *testing.T, w *world, peer string, questions []question, ours, theirs [][]byte, total []int) {
	t.Helper()
	seen := make([]int, len(known))
	same, shown := 0, map[string]int{}
	for i, q := range questions {
		c := &comparison{world: w, question: q, peer: peer, size: [2]int{len(ours[i]), len(theirs[i])}}
		var err error
		if c.ours, err = parse(ours[i]); err != nil {
			t.Fatalf("our answer to %v can't be read: %v: %x", q, err, ours[i])
		}
		c.theirs, c.unreadable = parse(theirs[i])
		if err := uncompressed(c.ours); err != nil {
			t.Errorf("%v: %v", q, err)
		}
		fields := c.fields()
		if len(fields) == 0 {
			same++
		}
		var left []string
		for _, field := range fields {
			if k := c.knownAs(field); k >= 0 {
				seen[k]++
			} else {
				left = append(left, field)
			}
		}
		if len(left) == 0 {
			continue
		}
		kind := strings.Join(left, ", ")
		if shown[kind]++; shown[kind] <= 3 {
			t.Errorf("%s differs, and that is not known (%v do): %v", kind, fields, c)
		}
	}
	for i, n := range seen {
		total[i] += n
	}
	var report strings.Builder
	for i, k := range known {
		if seen[i] > 0 {
			fmt.Fprintf(&report, "%6d %s\n", seen[i], k.says)
		}
	}
	t.Logf("%d of %d answers are the same as those of %s; known differences:\n%s", same, len(questions), peer, &report)
	for kind, n := range shown {
		t.Errorf("%d answers of %s differ in %s", n, peer, kind)
	}
}

// parse reads an answer; nil for none.
func parse(answer []byte) (*dns.Msg, error) {
	if answer == nil {
		return nil, nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(answer); err != nil {
		return nil, err
	}
	return m, nil
}

// knownAs returns the index of the known difference that explains a field; -1 if there is none.
func (c *comparison) knownAs(field string) int {
	return slices.IndexFunc(known, func(k difference) bool {
		return slices.Contains(k.fields, field) && (k.peers == nil || slices.Contains(k.peers, c.peer)) && k.when(c)
	})
}
