package main

import (
	"strings"
	"testing"
	"time"
)

func TestSpansOfTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", time.Minute: "1m", 61 * time.Second: "1m1s",
		time.Hour: "1h", 3*time.Hour + 12*time.Minute + 50*time.Second: "3h12m", 52 * time.Hour: "2d4h", -90 * time.Second: "1m30s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestWhatUntilTakes(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	now := time.Date(2030, 1, 31, 15, 0, 0, 0, berlin)
	for text, want := range map[string]string{
		"15:04":                     "2030-01-31T15:04:00+01:00",
		"15:00":                     "2030-02-01T15:00:00+01:00", // the next one
		"06:30":                     "2030-02-01T06:30:00+01:00",
		"15:00:30":                  "2030-01-31T15:00:30+01:00",
		"2030-02-03 06:00":          "2030-02-03T06:00:00+01:00",
		"2030-02-03 06:00:59":       "2030-02-03T06:00:59+01:00",
		"2030-01-31T15:00:00Z":      "2030-01-31T15:00:00Z",
		"2030-01-31T14:00:00-04:00": "2030-01-31T14:00:00-04:00",
	} {
		got, err := parseAhead("--until", text, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v %v, want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
	for text, want := range map[string]string{
		"":                 `--until "" is no time: give one such as 15:04`,
		"tomorrow":         `--until "tomorrow" is no time`,
		"25:00":            `--until "25:00" is no time`,
		"2030-01-31 14:30": `--until "2030-01-31 14:30" is over: it was 30m ago`,
	} {
		if _, err := parseAhead("--until", text, now); err == nil || !strings.HasPrefix(err.Error(), want) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestHowFarAhead(t *testing.T) {
	now := time.Date(2030, 1, 31, 15, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"+0s": 0, "+90s": 90 * time.Second, "+24h": 24 * time.Hour, "15:04": 4 * time.Minute} {
		if got, err := parseInstant("--start", text, now); err != nil || got.Sub(now) != want {
			t.Errorf("%s: %v %v, want %v ahead", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"+2":   `--start "+2" is not how far ahead: give one such as +90s or +2h`,
		"+-2h": `--start "+-2h" is not how far ahead`,
		"2h":   `--start "2h" is no time: give one such as 15:04`,
	} {
		if _, err := parseInstant("--start", text, now); err == nil || !strings.HasPrefix(err.Error(), want) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestBoundsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]string{19501 * time.Millisecond: "19.6s", 64 * time.Second: "1m4s", time.Nanosecond: "100ms"} {
		if got := tenths(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
