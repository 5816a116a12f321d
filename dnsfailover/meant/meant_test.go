package meant

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"interval", "timeout", "rate_limit", "web"}
	for given, want := range map[string]string{
		"intervall":  "interval",
		"itnerval":   "interval", // neighbours swapped
		"TIMEOUT":    "timeout",
		"rate-limit": "rate_limit",
		"wbe":        "web",
		"status":     "",
		"":           "",
		// A long word allows many changes; it still is like none of these.
		strings.Repeat("x", 300): "",
	} {
		if got := Nearest(given, known); got != want {
			t.Errorf("%q was meant to be %q, want %q", given, got, want)
		}
	}
}
