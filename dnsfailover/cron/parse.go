package cron

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dnsfailover/dnsfailover/meant"
)

// field is one of the five fields of an expression.
type field struct {
	name      string
	low, high int
	names     []string // of the numbers from low on, in upper case
	example   string
}

var fields = [5]field{
	{"minute", 0, 59, nil, "0 or */15"},
	{"hour", 0, 23, nil, "3 or 8-17"},
	{"day of the month", 1, 31, nil, "* or 1,15"},
	{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}, "* or JAN"},
	{"day of the week", 0, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, "*, SUN or TUE#2"},
}

// Parse reads an expression. The error says in a sentence's end what is wrong and what to write.
func Parse(text string) (*Schedule, error) {
	parts := strings.Fields(text)
	switch {
	case strings.HasPrefix(text, "@"):
		return nil, fmt.Errorf("%q is a nickname: write the five fields, as in \"0 3 * * SUN\"", text)
	case strings.Contains(text, "TZ="):
		return nil, fmt.Errorf("%q names a time zone: write that under timezone", text)
	case len(parts) == len(fields)+1:
		return nil, fmt.Errorf("%q has six fields: leave out the seconds", text)
	case len(parts) != len(fields):
		return nil, fmt.Errorf("%q doesn't have five fields, minute, hour, day of the month, month and day of the week: write it as in \"0 3 * * SUN\"", text)
	}
	s := &Schedule{text: strings.Join(parts, " ")}
	masks := [...]*uint64{&s.minutes, &s.hours, &s.days, &s.months, &s.weekdays}
	for i, part := range parts {
		if err := s.read(&fields[i], part, masks[i]); err != nil {
			return nil, err
		}
	}
	s.everyHour = strings.HasPrefix(parts[1], "*")
	s.anyDay, s.anyWeekday = strings.HasPrefix(parts[2], "*"), strings.HasPrefix(parts[4], "*")
	s.weekdays = s.weekdays&0x7F | s.weekdays>>7 // 7 is Sunday too
	if s.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC).IsZero() {
		return nil, fmt.Errorf("%q never comes: no such day is in the calendar", text)
	}
	return s, nil
}

// read sets the bits of one field: items between commas.
func (s *Schedule) read(f *field, text string, mask *uint64) error {
	for item := range strings.SplitSeq(text, ",") {
		if weekday, ordinal, ok := strings.Cut(item, "#"); ok {
			if err := s.readOrdinal(f, item, weekday, ordinal); err != nil {
				return err
			}
			continue
		}
		span, step, stepped := strings.Cut(item, "/")
		low, high := f.low, f.high
		if high == 7 {
			high = 6 // * has each day once
		}
		if span != "*" {
			first, last, isRange := strings.Cut(span, "-")
			var err error
			if low, err = f.number(first, item); err != nil {
				return err
			}
			switch {
			case isRange:
				if high, err = f.number(last, item); err != nil {
					return err
				}
				if high == 0 && f.high == 7 && low > 0 {
					high = 7 // FRI-SUN
				}
			case !stepped:
				high = low
			}
			if low > high {
				return fmt.Errorf("%s %q runs backwards: write the two parts, as in %d-%d,%d-%d", f.name, item, low, f.high, f.low, high)
			}
		}
		every := 1
		if stepped {
			n, err := strconv.Atoi(step)
			if err != nil || n < 1 || n > f.high {
				return fmt.Errorf("%s %q has a step that is no number from 1 to %d", f.name, item, f.high)
			}
			every = n
		}
		for n := low; n <= high; n += every {
			*mask |= 1 << n
		}
	}
	return nil
}

// readOrdinal reads TUE#2, the second Tuesday of a month.
func (s *Schedule) readOrdinal(f *field, item, weekday, ordinal string) error {
	if f.high != 7 {
		return fmt.Errorf("%s %q has a #, which only a day of the week can have", f.name, item)
	}
	day, err := f.number(weekday, item)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(ordinal)
	if err != nil || n < 1 || n > 5 {
		return fmt.Errorf("%s %q: a # is followed by a number from 1 to 5, as in TUE#2 for the second Tuesday", f.name, item)
	}
	s.ordinals[day%7] |= 1 << n
	return nil
}

// number reads a number or a name; item is what it is a part of.
func (f *field) number(text, item string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(name, text) {
			return f.low + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err == nil && n >= f.low && n <= f.high && text[0] != '+' {
		return n, nil
	}
	if best := meant.Nearest(text, f.names); best != "" && err != nil {
		return 0, fmt.Errorf("%s %q: did you mean %s?", f.name, item, best)
	}
	return 0, fmt.Errorf("%s %q isn't made of numbers from %d to %d%s: write it as in %s", f.name, item, f.low, f.high, map[bool]string{true: " or names"}[f.names != nil], f.example)
}
