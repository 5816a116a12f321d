package cron

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func parse(t testing.TB, text string) *Schedule {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOccurrences lists what follows an instant, as the clock on the wall of the time zone shows it.
func TestOccurrences(t *testing.T) {
	for name, c := range map[string]struct {
		cron, zone, after string
		want              []string
	}{
		"weekly": {
			"0 3 * * SUN", "Europe/Berlin", "2026-11-20T00:00:00Z",
			[]string{"2026-11-22T03:00:00+01:00", "2026-11-29T03:00:00+01:00"},
		},
		"an occurrence itself is not after itself": {
			"0 3 * * *", "UTC", "2026-11-20T03:00:00Z", []string{"2026-11-21T03:00:00Z"},
		},
		"lists, ranges and steps": {
			"5,*/30 8-10/2 * * *", "UTC", "2026-11-20T08:10:00Z",
			[]string{"2026-11-20T08:30:00Z", "2026-11-20T10:00:00Z", "2026-11-20T10:05:00Z", "2026-11-20T10:30:00Z", "2026-11-21T08:00:00Z"},
		},
		"a step from a number goes to the end": {
			"50/5 0 * * *", "UTC", "2026-11-20T00:00:00Z", []string{"2026-11-20T00:50:00Z", "2026-11-20T00:55:00Z", "2026-11-21T00:50:00Z"},
		},
		"names in any case, and Sunday by both its numbers": {
			"0 0 * jan 0,7,mon", "UTC", "2026-11-20T00:00:00Z",
			[]string{"2027-01-03T00:00:00Z", "2027-01-04T00:00:00Z", "2027-01-10T00:00:00Z"},
		},
		"from Friday to Sunday": {
			"0 0 * * FRI-SUN", "UTC", "2026-11-23T00:00:00Z",
			[]string{"2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", "2026-12-04T00:00:00Z"},
		},
		"both kinds of day: either": {
			"0 0 13 * FRI", "UTC", "2026-11-01T00:00:00Z",
			[]string{"2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"},
		},
		"second Tuesday": {
			"0 22 * * TUE#2", "America/New_York", "2026-11-12T00:00:00Z",
			[]string{"2026-12-08T22:00:00-05:00", "2027-01-12T22:00:00-05:00"},
		},
		"leap day": {
			"0 3 29 FEB *", "UTC", "2026-01-01T00:00:00Z", []string{"2028-02-29T03:00:00Z", "2032-02-29T03:00:00Z"},
		},
		"leap day over a century": {
			"0 3 29 2 *", "UTC", "2097-01-01T00:00:00Z", []string{"2104-02-29T03:00:00Z"},
		},
		"the 31st": {
			"0 0 31 * *", "UTC", "2026-02-01T00:00:00Z", []string{"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"},
		},
		"fifth Sunday of February": {
			"0 0 * 2 SUN#5", "UTC", "2026-01-01T00:00:00Z", []string{"2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z"},
		},
		// Northern hemisphere: on 2026-03-29 02:00 becomes 03:00, on 2026-10-25 03:00 becomes 02:00.
		"a time in the gap": {
			"30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z",
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"},
		},
		"every quarter around the gap": {
			"*/15 2,3 29 3 *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-29T03:45:00+02:00", "2027-03-29T02:00:00+02:00"},
		},
		"a time that comes twice": {
			"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		},
		"after its first time": {
			"30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", []string{"2026-10-26T02:30:00+01:00"},
		},
		"every hour, also the one that comes twice": {
			"0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"},
		},
		"every hour over the gap": {
			"0 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", []string{"2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"},
		},
		// Southern hemisphere: on 2026-10-04 02:00 becomes 03:00, on 2026-04-05 03:00 becomes 02:00.
		"a time in the southern gap": {
			"30 2 * * SUN", "Australia/Sydney", "2026-10-01T00:00:00Z", []string{"2026-10-04T03:30:00+11:00", "2026-10-11T02:30:00+11:00"},
		},
		"a time that comes twice in the south": {
			"30 2 * * SUN", "Australia/Sydney", "2026-04-01T00:00:00Z", []string{"2026-04-05T02:30:00+11:00", "2026-04-12T02:30:00+10:00"},
		},
		"a gap of half an hour": {
			"15 2 * * SUN", "Australia/Lord_Howe", "2026-10-01T00:00:00Z", []string{"2026-10-04T02:45:00+11:00", "2026-10-11T02:15:00+11:00"},
		},
		"a gap at midnight": {
			"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", []string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		},
		"midnight that comes twice": {
			"30 23 * * *", "America/Santiago", "2026-04-04T12:00:00Z", []string{"2026-04-04T23:30:00-03:00", "2026-04-05T23:30:00-04:00"},
		},
		"a day that is left out": {
			"0 3 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z",
			[]string{"2011-12-29T03:00:00-10:00", "2011-12-31T03:00:00+14:00", "2012-01-01T03:00:00+14:00"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, z := parse(t, c.cron), zone(t, c.zone)
			at, err := time.Parse(time.RFC3339, c.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				at = s.Next(at, z)
				if got := at.In(z).Format(time.RFC3339); got != want {
					t.Fatalf("%s, wanted %s", got, want)
				}
			}
			if last := s.Last(at.Add(time.Second), time.Hour, z); !last.Equal(at) {
				t.Errorf("a second after %v the last was %v", at, last)
			}
		})
	}
}

func TestBadExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"@daily":          "nickname",
		"TZ=UTC":          "timezone",
		"CRON_TZ=UTC * *": "timezone",
		"0 0 3 * * *":     "leave out the seconds",
		"0 3 * *":         "five fields",
		"":                "five fields",
		"60 3 * * *":      "from 0 to 59",
		"0 24 * * *":      "from 0 to 23",
		"0 3 0 * *":       "from 1 to 31",
		"0 3 * 13 *":      "from 1 to 12",
		"0 3 * * 8":       "from 0 to 7",
		"0 3 * * SUM":     "did you mean SUN?",
		"-1 3 * * *":      "from 0 to 59",
		"+1 3 * * *":      "from 0 to 59",
		"0 3 * * ":        "five fields",
		"0 3 ,1 * *":      "from 1 to 31",
		"0 22-3 * * *":    "write the two parts, as in 22-23,0-3",
		"*/0 * * * *":     "no number from 1 to 59",
		"*/x * * * *":     "no number from 1 to 59",
		"*/99 * * * *":    "no number from 1 to 59",
		"0 3 1#2 * *":     "only a day of the week",
		"0 3 * * TUE#6":   "from 1 to 5",
		"0 3 * * XXX#1":   "day of the week",
		"0 0 31 2 *":      "never comes",
		"0 0 31 4,6 *":    "never comes",
		"0 3 ? * *":       "from 1 to 31",
		"0 3 1-2-3 * *":   "from 1 to 31",
	} {
		if s, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, wanted %q", text, s, err, want)
		}
	}
}

// TestNextAgreesWithAWalkThroughTheMinutes compares with a search that only looks at the clock of each minute, in which a
// time in a gap can't be found: those days are left out.
func TestNextAgreesWithAWalkThroughTheMinutes(t *testing.T) {
	zones := []*time.Location{time.UTC, zone(t, "Europe/Berlin"), zone(t, "Australia/Sydney"), zone(t, "Asia/Kathmandu"), zone(t, "America/Santiago")}
	rapid.Check(t, func(t *rapid.T) {
		minute := rapid.SampledFrom([]string{"0", "30", "*/20", "7-9", "59"}).Draw(t, "minute")
		hour := rapid.SampledFrom([]string{"*", "0", "2", "23", "*/6", "1-3"}).Draw(t, "hour")
		day := rapid.SampledFrom([]string{"*", "1", "28-31", "*/2"}).Draw(t, "day")
		month := rapid.SampledFrom([]string{"*", "3,10", "2"}).Draw(t, "month")
		weekday := rapid.SampledFrom([]string{"*", "SUN", "MON-FRI", "WED#3"}).Draw(t, "weekday")
		s, err := Parse(strings.Join([]string{minute, hour, day, month, weekday}, " "))
		if err != nil {
			t.Fatal(err)
		}
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		at := time.Unix(rapid.Int64Range(1767225600, 1798761600).Draw(t, "at"), 0) // 2026
		next := s.Next(at, z)
		seen := map[[5]int]bool{}
		for m := at.Add(-2 * time.Hour).Truncate(time.Minute); ; m = m.Add(time.Minute) {
			local := m.In(z)
			_, before := local.Add(-3 * time.Hour).Zone()
			_, offset := local.Zone()
			gap := offset > before
			year, month, day := local.Date()
			clock := [...]int{year, int(month), day, local.Hour(), local.Minute()}
			hit := s.minutes&(1<<local.Minute()) != 0 && s.hours&(1<<local.Hour()) != 0 && s.months&(1<<month) != 0 && s.on(date{year, month, day})
			first := s.everyHour || !seen[clock]
			seen[clock] = true
			switch {
			case m.Equal(next) && (gap || hit && first):
				return
			case m.Equal(next) || m.After(next):
				t.Fatalf("%s after %v: %v, which is none", s, at.In(z), next.In(z))
			case hit && first && m.After(at):
				t.Fatalf("%s after %v: %v, but %v comes before", s, at.In(z), next.In(z), local)
			case m.Sub(at) > 40*24*time.Hour:
				return
			}
		}
	})
}

func TestLastIsTheNewestWithinReach(t *testing.T) {
	s := parse(t, "0,10 3 * * *")
	at := time.Date(2026, 11, 25, 20, 0, 0, 0, time.UTC)
	for within, want := range map[time.Duration]string{
		time.Hour: "none", 16*time.Hour + 50*time.Minute: "none", 16*time.Hour + 51*time.Minute: "03:10", 40 * time.Hour: "03:10", 400 * 24 * time.Hour: "03:10",
	} {
		got := "none"
		if last := s.Last(at, within, time.UTC); !last.IsZero() {
			got = last.Format("15:04")
		}
		if got != want {
			t.Errorf("within %v: %s, wanted %s", within, got, want)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	s, z := parse(b, "0 3 * * SUN"), zone(b, "Europe/Berlin")
	at := time.Date(2026, 11, 25, 20, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		s.Next(at, z)
	}
}
