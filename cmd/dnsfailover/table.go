package main

import (
	"io"
	"strings"
)

// table is rows of cells that are printed in aligned columns.
type table struct{ rows [][]cell }

// cell is a text of a row. It is cleaned when it is added.
type cell struct {
	text  string
	style style
	right bool // aligned to the right
}

const gap = "  "

func (t *table) row(cells ...cell) {
	for i := range cells {
		cells[i].text = clean(cells[i].text)
	}
	t.rows = append(t.rows, cells)
}

// print writes the rows. The last column is cut where the terminal ends.
func (t *table) print(w io.Writer, l look) {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(c.text))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		used, blank := 0, "" // blanks are written when something follows
		for i, c := range row {
			text := c.text
			if i == len(row)-1 && l.width > 0 {
				text = cut(text, max(l.width-used-len(blank), 10))
			}
			pad := strings.Repeat(" ", widths[i]-columns(text))
			if text != "" {
				if c.right {
					blank, pad = blank+pad, ""
				}
				line.WriteString(blank)
				line.WriteString(l.paint(c.style, text))
				used, blank = used+len(blank)+columns(text), ""
			}
			blank += pad + gap
		}
		_, _ = io.WriteString(w, line.String()+"\n")
	}
}
