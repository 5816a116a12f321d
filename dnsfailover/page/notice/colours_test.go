package notice

import (
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestContrast(t *testing.T) {
	for colour, want := range map[string]float64{"#fff": 1, "#000": 21, "#767676": 4.54, "#0000ff": 8.59} {
		if got := OnLight(colour); math.Abs(got-want) > .01 {
			t.Errorf("%s on white: %.2f, not %.2f", colour, got, want)
		}
	}
}

// TestLightened: a brand's colour that is made for white paper can be read in the dark scheme, and one that can be is left alone.
func TestLightened(t *testing.T) {
	for _, colour := range []string{"#000", "#123456", "#0b3d91", "#8b0000", "#0f6a5b", "#777"} {
		if got := Lightened(colour); OnDark(got) < 6 || OnDark(got) > 7.5 {
			t.Errorf("%s becomes %s, with a contrast of %.2f", colour, got, OnDark(got))
		}
	}
	for _, colour := range []string{"#ffffff", "#6fd6c0", "#ffd54f"} {
		if got := Lightened(colour); got != colour {
			t.Errorf("%s becomes %s", colour, got)
		}
	}
}

// TestOneSetOfColours: the page and the picture show the same ones, and they can be read.
func TestOneSetOfColours(t *testing.T) {
	n := New(&Design{Languages: BuiltIn}, Facts{}, slog.New(slog.DiscardHandler))
	page, picture := string(n.Answer(HTML, 0).Body), string(n.Answer(SVG, 0).Body)
	for _, s := range []scheme{light, dark} {
		for colours, i := reflect.ValueOf(s), 0; i < colours.NumField(); i++ {
			if c := colours.Field(i).String(); !strings.Contains(page, ":"+c) || !strings.Contains(picture, ":"+c) {
				t.Errorf("%s %s isn't in both", colours.Type().Field(i).Name, c)
			}
		}
		for _, c := range []string{s.ink, s.soft, s.accent} {
			if got := contrast(rgb(c), rgb(s.card)); got < 4.5 {
				t.Errorf("%s on %s: %.2f", c, s.card, got)
			}
		}
	}
}
