package page

import (
	"testing"
	"time"
)

func TestSeldom(t *testing.T) {
	var s seldom
	begin := time.Unix(1_800_000_000, 0)
	for _, step := range []struct {
		at     time.Duration
		before int
		due    bool
	}{{0, 0, true}, {1, 0, false}, {seldomEvery - 1, 0, false}, {seldomEvery, 2, true}, {seldomEvery + 1, 0, false}, {3 * seldomEvery, 1, true}, {9 * seldomEvery, 0, true}} {
		if before, due := s.due(begin.Add(step.at)); before != step.before || due != step.due {
			t.Errorf("after %v: %d, %v; want %d, %v", step.at, before, due, step.before, step.due)
		}
	}
}
