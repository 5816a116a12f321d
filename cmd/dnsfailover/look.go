package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// look is what the place that is printed to can show.
type look struct {
	color         bool
	width, height int // 0: it has no end
}

// style is what goes between ESC [ and m.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// lookOf returns what w can show: colours and a size only if it is a terminal, and no colours with
// NO_COLOR (no-color.org).
func lookOf(w io.Writer) look {
	if !isTerminal(w) {
		return look{}
	}
	l := look{color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, height, err := term.GetSize(int(w.(*os.File).Fd())); err == nil {
		l.width, l.height = width, height
	}
	return l
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (l look) paint(s style, text string) string {
	if !l.color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// verdictStyle is the colour of a verdict.
func verdictStyle(verdict string) style {
	switch verdict {
	case "up":
		return green
	case "down":
		return red
	}
	return yellow
}
