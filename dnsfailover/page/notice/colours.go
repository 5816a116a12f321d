package notice

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
)

// scheme is the colours of the page and of the picture, light or dark. page.html has them too.
type scheme struct{ card, ink, soft, line, accent string }

var (
	light = scheme{card: "#fff", ink: "#1c1f23", soft: "#565e66", line: "#dddad3", accent: "#0f6a5b"}
	dark  = scheme{card: "#181c1f", ink: "#eef0f1", soft: "#a9b2ba", line: "#343b41", accent: "#6fd6c0"}
)

// Legible is the least contrast between a large text and its ground (WCAG 2.2, 1.4.3). The countdown is one, in the accent.
const Legible = 3

// OnLight returns the contrast of a colour, such as #0f6a5b or #fff, to the ground of the light scheme: from 1, none, to 21.
func OnLight(colour string) float64 { return contrast(rgb(colour), rgb(light.card)) }

// OnDark returns it to the ground of the dark scheme.
func OnDark(colour string) float64 { return contrast(rgb(colour), rgb(dark.card)) }

// Lightened returns a colour with as much white in it as it takes to be read well in the dark scheme.
func Lightened(colour string) string {
	const well, steps = 6, 20
	c := rgb(colour)
	for i := range steps {
		mix := func(v uint8) int { return (int(v)*(steps-i) + 0xff*i) / steps }
		colour = fmt.Sprintf("#%02x%02x%02x", mix(c.R), mix(c.G), mix(c.B))
		if OnDark(colour) >= well {
			break
		}
	}
	return colour
}

// contrast is the contrast ratio of WCAG 2.2.
func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// luminance is the relative luminance of WCAG 2.2, from 0 to 1.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		if f := float64(v) / 255; f > .04045 {
			return math.Pow((f+.055)/1.055, 2.4)
		}
		return float64(v) / 255 / 12.92
	}
	return .2126*linear(c.R) + .7152*linear(c.G) + .0722*linear(c.B)
}

// rgb reads a colour such as #0f6a5b or #fff.
func rgb(text string) color.RGBA {
	digits := strings.TrimPrefix(text, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, _ := strconv.ParseUint(digits, 16, 32) // the configuration lets nothing else pass
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}
}
