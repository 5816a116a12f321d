package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Measures of the picture, in its units.
const (
	pictureWidth, pictureHeight = 920, 322
	panelWidth, panelHeight     = 244, 190
	panelLeft, panelTop         = 52, 84
	panelApart                  = 294
)

// style has the colours for light and dark surroundings.
const style = `<style>
  svg { font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
  .back { fill: #ffffff } text { fill: #1f2328 } .small { font-size: 11px; fill: #59636e } .title { font-weight: 600; font-size: 13px }
  .grid { stroke: #d1d9e0; stroke-width: 1 } .dead { fill: #818b98; fill-opacity: .12 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .c0 { stroke: #9a6700; stroke-dasharray: 7 3 } .c1 { stroke: #0969da; stroke-dasharray: 2 3 } .c2 { stroke: #1a7f37; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } text { fill: #f0f6fc } .small { fill: #9198a1 }
    .grid { stroke: #3d444d } .c0 { stroke: #d29922 } .c1 { stroke: #4493f8 } .c2 { stroke: #3fb950 }
  }
</style>
`

// draw writes an SVG picture: by scenario, the share of clients that are sent to the dead primary as time goes by.
func (r result) draw(w io.Writer) {
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", pictureWidth, pictureHeight, r.inWords())
	fmt.Fprint(w, style)
	fmt.Fprintf(w, `<rect class="back" width="%d" height="%d"/>`+"\n", pictureWidth, pictureHeight)
	fmt.Fprintf(w, `<text class="title" x="%d" y="22">Clients sent to the dead primary, behind caches of all manners</text>`+"\n", panelLeft)
	for i, c := range contenders {
		x := panelLeft + 170*i
		fmt.Fprintf(w, `<path class="line c%d" d="M%d 42h30"/><text x="%d" y="46">%s</text>`+"\n", i, x, x+38, c.name)
	}
	for i := range r.scenarios {
		r.panel(w, i)
	}
	fmt.Fprintln(w, "</svg>")
}

// inWords says what the picture shows, for those who don't see it.
func (r result) inWords() string {
	var parts []string
	for i, s := range r.scenarios {
		var means []string
		for j, c := range contenders {
			dead, _ := r.outcomes[i][j].mean()
			means = append(means, c.name+" "+seconds(dead))
		}
		parts = append(parts, s.name+": "+strings.Join(means, ", "))
	}
	return "Mean seconds that a client is sent to the dead primary. " + strings.Join(parts, "; ")
}

// panel draws one scenario.
func (r result) panel(w io.Writer, i int) {
	s := &r.scenarios[i]
	shown, unit, each, axis := 2*time.Minute, time.Second, 30*time.Second, "seconds since it died"
	if len(s.dead) > 1 {
		shown, unit, each, axis = s.end-warmUp, time.Minute, 5*time.Minute, "minutes since it first died; shaded: dead"
	}
	left := float64(panelLeft + i*panelApart)
	x := func(t time.Duration) float64 { return left + panelWidth*float64(t)/float64(shown) }
	y := func(share float64) float64 { return panelTop + panelHeight*(1-share) }
	fmt.Fprintf(w, `<text class="title" x="%.0f" y="%d">%s</text>`+"\n", left, panelTop-12, s.name)
	if len(s.dead) > 1 {
		for _, d := range s.dead {
			fmt.Fprintf(w, `<rect class="dead" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", x(d.from-warmUp), panelTop, x(d.to)-x(d.from), panelHeight)
		}
	}
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		fmt.Fprintf(w, `<path class="grid" d="M%.1f %.1fh%d"/><text class="small" x="%.1f" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n",
			left, y(share), panelWidth, left-6, y(share)+4, 100*share)
	}
	for t := time.Duration(0); t <= shown; t += each {
		fmt.Fprintf(w, `<text class="small" x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(t), panelTop+panelHeight+17, t/unit)
	}
	fmt.Fprintf(w, `<text class="small" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", left+panelWidth/2, panelTop+panelHeight+35, axis)
	for j, o := range r.outcomes[i] {
		var path strings.Builder
		for k, share := range o.curve {
			t := time.Duration(k) * s.tick
			if t > shown {
				break
			}
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(k, 1)], x(t), y(share))
		}
		fmt.Fprintf(w, `<path class="line c%d" d="%s"/>`+"\n", j, path.String())
	}
}
