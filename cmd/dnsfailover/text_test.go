package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestHarmlessTextStaysAsItIs(t *testing.T) {
	for _, text := range []string{"", "status 200 OK", "日本 ü é", "a\\b \"quoted\""} {
		if got := clean(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got, want := clean("a\nb\x1b[2J\u009b\u202e\xff\u200b\U000e0001"), `a\x0ab\x1b[2J\u009b\u202e\xff\u200b\U000e0001`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCleanTextHoldsNothingThatSteers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := clean(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")))
		for _, r := range text {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
				t.Fatalf("%q holds %U", text, r)
			}
		}
		width := rapid.IntRange(3, 20).Draw(t, "width")
		if short := cut(text, width); columns(short) > width {
			t.Fatalf("%q has more than %d columns", short, width)
		}
	})
}

func TestColumnsAreAlignedByWhatTheyTake(t *testing.T) {
	var tab table
	tab.row(cell{text: "日本"}, cell{text: "1", right: true}, cell{text: "x"})
	tab.row(cell{text: "e\u0301"}, cell{text: "100", right: true}, cell{text: "y"})
	tab.row(cell{text: "only"}, cell{}, cell{})
	var out strings.Builder
	tab.print(&out, look{})
	if want := "日本    1  x\ne\u0301     100  y\nonly\n"; out.String() != want {
		t.Errorf("printed\n%swant\n%s", &out, want)
	}
}
