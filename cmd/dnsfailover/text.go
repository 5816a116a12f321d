package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a text that others wrote safe to print: what could steer a terminal or
// turn the direction of writing is shown as an escape.
func clean(text string) string {
	harmless := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }
	if strings.IndexFunc(text, func(r rune) bool { return !harmless(r) }) < 0 {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case harmless(r):
			out.WriteRune(r)
		case size == 1: // a control character, or an octet that is no UTF-8
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case r > 0xFFFF:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		i += size
	}
	return out.String()
}

// wide are the characters that take two columns (Unicode Standard Annex 11: W and F), in ranges.
var wide = [][2]rune{
	{0x1100, 0x115F},
	{0x231A, 0x231B},
	{0x23E9, 0x23EC},
	{0x2614, 0x2615},
	{0x2648, 0x2653},
	{0x26A1, 0x26A1},
	{0x2705, 0x2705},
	{0x274C, 0x274C},
	{0x2E80, 0x303E},
	{0x3041, 0xA4CF},
	{0xA960, 0xA97C},
	{0xAC00, 0xD7A3},
	{0xF900, 0xFAFF},
	{0xFE30, 0xFE6F},
	{0xFF01, 0xFF60},
	{0xFFE0, 0xFFE6},
	{0x1F300, 0x1F64F},
	{0x1F680, 0x1F6FF},
	{0x1F900, 0x1F9FF},
	{0x20000, 0x3FFFD},
}

// columns returns how many columns of a terminal a clean text takes.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	for _, w := range wide {
		if r >= w[0] && r <= w[1] {
			return 2
		}
	}
	return 1
}

// cut shortens a clean text to at most max columns.
func cut(text string, max int) string {
	if columns(text) <= max {
		return text
	}
	n := 0
	for i, r := range text {
		n += runeColumns(r)
		if n > max-3 {
			return text[:i] + strings.Repeat(".", min(3, max))
		}
	}
	return text
}

// fit cuts a clean text to a terminal's width; 0 has no end.
func fit(text string, width int) string {
	if width == 0 {
		return text
	}
	return cut(text, width)
}

// countOf returns "1 problem", "2 problems".
func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
