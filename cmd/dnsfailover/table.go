package main

import (
	"io"
	"slices"
	"strings"
)

// table is rows of cells that are printed in aligned columns.
type table struct {
	rows [][]cell
	// spare are the columns that are left out, one after another, where the terminal is too narrow for them.
	// Each number counts what the ones before have left.
	spare []int
}

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

// least is what is left at least of a last column that is cut.
const least = 12

// print writes the rows. Where the terminal ends, the last column is cut; spare columns of which too little
// would be left, or that don't fit, are left out.
func (t *table) print(w io.Writer, l look) {
	rows := t.rows
	for _, column := range t.spare {
		if l.width == 0 || fits(rows, l.width) {
			break
		}
		rows = without(rows, column)
	}
	widths := widthsOf(rows)
	for _, row := range rows {
		var line strings.Builder
		used, blank := 0, "" // blanks are written when something follows
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-columns(c.text))
			if c.right {
				blank, pad = blank+pad, ""
			}
			text := c.text
			if l.width > 0 {
				text = cut(text, max(l.width-used-len(blank), 0))
			}
			if text != "" {
				line.WriteString(blank)
				line.WriteString(l.paint(c.style, text))
				used, blank = used+len(blank)+columns(text), ""
			}
			blank += pad + gap
		}
		_, _ = io.WriteString(w, line.String()+"\n")
	}
}

func widthsOf(rows [][]cell) []int {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(c.text))
		}
	}
	return widths
}

// fits says whether the rows, of whose last column some may be cut, are no wider than width.
func fits(rows [][]cell, width int) bool {
	widths := widthsOf(rows)
	if len(widths) == 0 {
		return true
	}
	used, last := 0, len(widths)-1
	for _, w := range widths[:last] {
		used += w + len(gap)
	}
	return used+min(widths[last], least) <= width
}

// without returns the rows without a column.
func without(rows [][]cell, column int) [][]cell {
	var rest [][]cell
	for _, row := range rows {
		if column < len(row) {
			row = slices.Delete(slices.Clone(row), column, column+1)
		}
		rest = append(rest, row)
	}
	return rest
}
