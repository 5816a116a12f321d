package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// short returns a span of time in its two largest units, as people say it: "3h12m", "41s", "12d4h".
func short(d time.Duration) string {
	d = d.Abs().Truncate(time.Second)
	days, hours := int(d/(24*time.Hour)), int(d/time.Hour)%24
	minutes, seconds := int(d/time.Minute)%60, int(d/time.Second)%60
	two := func(a int, unit string, b int, rest string) string {
		if b == 0 {
			return fmt.Sprintf("%d%s", a, unit)
		}
		return fmt.Sprintf("%d%s%d%s", a, unit, b, rest)
	}
	switch {
	case days > 0:
		return two(days, "d", hours, "h")
	case hours > 0:
		return two(hours, "h", minutes, "m")
	case minutes > 0:
		return two(minutes, "m", seconds, "s")
	}
	return fmt.Sprintf("%ds", seconds)
}

// millis returns a short span of time in milliseconds.
func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 100 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// until returns the time from now to t, rounded up to whole seconds: a countdown ends when it is over.
func until(t, now time.Time) time.Duration {
	return time.Duration(math.Ceil(t.Sub(now).Seconds())) * time.Second
}

// clock returns t in now's zone, without the date if that is today's.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// parseAhead reads the value of a flag that is an instant after now: RFC 3339, or a date and time, or the next time of day, in
// now's zone, with or without seconds.
func parseAhead(flag, text string, now time.Time) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	for _, layout := range []string{"2006-01-02 15:04", time.DateTime} {
		if err != nil {
			at, err = time.ParseInLocation(layout, text, now.Location())
		}
	}
	for _, layout := range []string{"15:04", time.TimeOnly} {
		var day time.Time
		if err == nil {
			break
		}
		if day, err = time.Parse(layout, text); err == nil {
			year, month, date := now.Date()
			at = time.Date(year, month, date, day.Hour(), day.Minute(), day.Second(), 0, now.Location())
			if !at.After(now) {
				at = time.Date(year, month, date+1, day.Hour(), day.Minute(), day.Second(), 0, now.Location())
			}
		}
	}
	if err != nil {
		return at, usagef("%s %q is no time: give one such as 15:04, \"2030-01-31 15:04\" or 2030-01-31T15:04:05Z", flag, text)
	}
	if !at.After(now) {
		return at, usagef("%s %q is over: it was %s ago", flag, text, short(now.Sub(at)))
	}
	return at, nil
}

// parseInstant reads an instant that is still to come, or now: "+2h" from now, or what parseAhead reads.
func parseInstant(flag, text string, now time.Time) (time.Time, error) {
	ahead, ok := strings.CutPrefix(text, "+")
	if !ok {
		return parseAhead(flag, text, now)
	}
	d, err := time.ParseDuration(ahead)
	if err != nil || d < 0 {
		return now, usagef("%s %q is not how far ahead: give one such as +90s or +2h", flag, text)
	}
	return now.Add(d), nil
}

// parseSince reads an instant that is over, or near: how long ago it was ("24h", "7d"), RFC 3339, a date with or without a time, or the
// last time of day, in now's zone.
func parseSince(flag, text string, now time.Time) (time.Time, error) {
	var days int
	if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && text == fmt.Sprintf("%dd", days) && days >= 0 {
		return now.AddDate(0, 0, -days), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		day, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		year, month, date := now.Date()
		at := time.Date(year, month, date, day.Hour(), day.Minute(), day.Second(), 0, now.Location())
		if at.After(now) {
			at = time.Date(year, month, date-1, day.Hour(), day.Minute(), day.Second(), 0, now.Location())
		}
		return at, nil
	}
	return now, usagef("%s %q is no time: give one such as 15:04, \"2030-01-31 15:04\" or 2030-01-31T15:04:05Z, or how long ago, such as 24h or 7d", flag, text)
}
