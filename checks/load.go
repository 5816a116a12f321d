package checks

import (
	"sync/atomic"
	"syscall"
	"time"
)

// maxUnderWay bounds how many probes are under way at the same time, however many files may be open: each takes a file,
// and some 20 to 60 KB.
const maxUnderWay = 8192

// limit returns how many probes may be under way: half of the files that this process may open are left to the others.
func limit() int64 {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return maxUnderWay
	}
	return int64(min(max(uint64(files.Cur)/2, 16), maxUnderWay))
}

// LateBounds are the upper bounds of the histogram of how late probes start, in seconds.
var LateBounds = [...]float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5}

// Load is how busy a scheduler is.
type Load struct {
	UnderWay, Limit int // probes, now and at most
	// Shed are the turns that were left out because there was no room for a probe.
	Shed uint64
	// Started counts the probes that were started, Seconds is the sum of how late they were, and LateBuckets[i] counts those
	// that were at most LateBounds[i] late.
	Started     uint64
	Seconds     float64
	LateBuckets [len(LateBounds)]uint64
}

// traffic counts for Load. It is safe for concurrent use.
type traffic struct {
	limit    int64
	underWay atomic.Int64
	shed     atomic.Uint64
	nanos    atomic.Int64
	buckets  [len(LateBounds) + 1]atomic.Uint64 // the last one is for those that are later than all bounds
}

// enter takes a place for a probe; false if there is none.
func (l *traffic) enter() bool {
	if l.underWay.Add(1) > l.limit {
		l.underWay.Add(-1)
		return false
	}
	return true
}

func (l *traffic) leave() { l.underWay.Add(-1) }

func (l *traffic) started(late time.Duration) {
	late = max(late, 0)
	l.nanos.Add(int64(late))
	i := 0
	for i < len(LateBounds) && late.Seconds() > LateBounds[i] {
		i++
	}
	l.buckets[i].Add(1)
}

// Load returns how busy the scheduler is.
func (s *Scheduler) Load() Load {
	l := &s.traffic
	out := Load{
		UnderWay: int(l.underWay.Load()), Limit: int(l.limit), Shed: l.shed.Load(), Seconds: time.Duration(l.nanos.Load()).Seconds(),
	}
	for i := range l.buckets {
		out.Started += l.buckets[i].Load()
		if i < len(out.LateBuckets) {
			out.LateBuckets[i] = out.Started
		}
	}
	return out
}
