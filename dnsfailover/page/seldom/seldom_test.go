package seldom

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	const period = 10 * time.Second
	var thing Thing
	begin := time.Unix(1_800_000_000, 0)
	for _, step := range []struct {
		at     time.Duration
		before int
		due    bool
	}{{0, 0, true}, {1, 0, false}, {period - 1, 0, false}, {period, 2, true}, {period + 1, 0, false}, {3 * period, 1, true}, {9 * period, 0, true}} {
		if before, due := thing.Due(begin.Add(step.at), period); before != step.before || due != step.due {
			t.Errorf("after %v: %d, %v; want %d, %v", step.at, before, due, step.before, step.due)
		}
	}
}
