package cron

import (
	"slices"
	"time"
)

// Schedule is a parsed expression. Its zero value never comes due.
type Schedule struct {
	text string
	// Bit n of each is the number n.
	minutes, hours, days, months, weekdays uint64

	ordinals           [7]uint64 // by weekday, bit n: the n-th of a month
	anyDay, anyWeekday bool      // the field begins with *
	everyHour          bool      // a local hour that comes twice counts twice
}

// String returns the expression as it was written.
func (s *Schedule) String() string { return s.text }

// horizon is how far Next looks, in years: 29 February may be eight years away, and its fifth Sunday forty.
const horizon = 41

// Next returns the first occurrence after t in the time zone zone; the zero time if there is none within about 40 years.
func (s *Schedule) Next(t time.Time, zone *time.Location) time.Time {
	year, month, day := t.In(zone).Date()
	last := year + horizon
	// Where a whole day was left out (Samoa, 2011-12-30), its occurrences lie on the day after.
	for d := (date{year, month, day}).add(-1); d.year <= last; d = d.add(1) {
		if s.months&(1<<d.month) == 0 {
			d = date{d.year, d.month + 1, 1}.add(-1)
			continue
		}
		if !s.on(d) {
			continue
		}
		found := s.first(d, zone, t)
		if found.IsZero() {
			continue
		}
		// A gap at the end of the day may have put some of its occurrences behind the next day's first.
		if next := d.add(1); s.months&(1<<next.month) != 0 && s.on(next) {
			if other := s.first(next, zone, t); !other.IsZero() && other.Before(found) {
				return other
			}
		}
		return found
	}
	return time.Time{}
}

// Last returns the last occurrence in (t − within, t]; the zero time if there is none.
func (s *Schedule) Last(t time.Time, within time.Duration, zone *time.Location) time.Time {
	var last time.Time
	for back := min(within, time.Minute); ; back = min(2*back, within) {
		for next := s.Next(t.Add(-back), zone); !next.IsZero() && !next.After(t); next = s.Next(next, zone) {
			last = next
		}
		if !last.IsZero() || back == within {
			return last
		}
	}
}

// date is a day of the proleptic Gregorian calendar.
type date struct {
	year  int
	month time.Month
	day   int
}

func (d date) add(days int) date {
	year, month, day := time.Date(d.year, d.month, d.day+days, 0, 0, 0, 0, time.UTC).Date()
	return date{year, month, day}
}

// on tells whether the schedule comes due on d, if its month fits.
func (s *Schedule) on(d date) bool {
	weekday := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Weekday()
	byDay := s.days&(1<<d.day) != 0
	byWeekday := s.weekdays&(1<<weekday) != 0 || s.ordinals[weekday]&(1<<((d.day+6)/7)) != 0
	if s.anyDay || s.anyWeekday {
		return byDay && byWeekday
	}
	return byDay || byWeekday
}

// first returns the first occurrence of day d after t; the zero time if there is none.
func (s *Schedule) first(d date, zone *time.Location, t time.Time) time.Time {
	begin := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, zone)
	end := time.Date(d.year, d.month, d.day+1, 0, 0, 0, 0, zone)
	if !end.After(t) && end.Sub(begin) == 24*time.Hour {
		return time.Time{}
	}
	if begin.Hour() != 0 || end.Sub(begin) != 24*time.Hour || !sameOffset(begin, end) {
		return s.firstOfOdd(d, zone, t)
	}
	for hour := range 24 {
		if s.hours&(1<<hour) == 0 || !begin.Add(time.Duration(hour+1)*time.Hour).After(t) {
			continue
		}
		for minute := range 60 {
			if at := begin.Add(time.Duration(hour*60+minute) * time.Minute); s.minutes&(1<<minute) != 0 && at.After(t) {
				return at
			}
		}
	}
	return time.Time{}
}

// firstOfOdd is first for a day on which the clocks are set.
func (s *Schedule) firstOfOdd(d date, zone *time.Location, t time.Time) time.Time {
	var all []time.Time
	for hour := range 24 {
		for minute := range 60 {
			if s.hours&(1<<hour) == 0 || s.minutes&(1<<minute) == 0 {
				continue
			}
			first, second := instants(d, hour, minute, zone)
			if first.After(t) {
				all = append(all, first)
			}
			if s.everyHour && second.After(t) {
				all = append(all, second)
			}
		}
	}
	if len(all) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(all, time.Time.Compare)
}

// instants returns when a local time comes: one that does not exist as if the clocks were not set yet, one that comes
// twice both times. They are the same instant if it comes once.
func instants(d date, hour, minute int, zone *time.Location) (first, second time.Time) {
	// Read with the offsets of well before and well after, the two are the candidates.
	utc := time.Date(d.year, d.month, d.day, hour, minute, 0, 0, time.UTC)
	_, before := utc.Add(-26 * time.Hour).In(zone).Zone()
	_, after := utc.Add(26 * time.Hour).In(zone).Zone()
	first = utc.Add(-time.Duration(before) * time.Second).In(zone)
	second = utc.Add(-time.Duration(after) * time.Second).In(zone)
	is := func(t time.Time) bool { return t.Hour() == hour && t.Minute() == minute && t.Day() == d.day }
	switch {
	case is(first) && is(second):
		return first, second
	case is(second):
		return second, second
	}
	return first, first // also in a gap
}

func sameOffset(a, b time.Time) bool {
	_, x := a.Zone()
	_, y := b.Zone()
	return x == y
}
