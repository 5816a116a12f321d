package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dnsfailover/checks"
)

// Part is what one of several checks found of an address.
type Part struct {
	Name string // the check's, within its address
	Fact Fact
}

// Combine makes of what several checks found of an address the fact of the address: it is up if at least need of them
// are, else unknown if those of which nothing is proved could make it so, else down. Each check keeps its own
// hysteresis: the runs of contrary results stay with the parts.
func Combine(need int, parts []Part) Fact {
	combined := Fact{Parts: parts, Need: need}
	var up, down []time.Time
	for _, p := range parts {
		switch p.Fact.State.Verdict {
		case checks.Up:
			up = append(up, p.Fact.State.Since)
		case checks.Down:
			down = append(down, p.Fact.State.Since)
		case checks.Unknown:
		}
		if p.Fact.Frozen != "" && combined.Frozen == "" {
			combined.Frozen = p.Name + ": " + p.Fact.Frozen
		}
	}
	state := &combined.State
	switch state.Verdict = enough(need, len(up), len(parts)-len(up)-len(down)); state.Verdict {
	case checks.Up: // since the last one that it needed is
		slices.SortFunc(up, time.Time.Compare)
		state.Since = up[max(need, 1)-1]
	case checks.Down: // since there have been too few others
		slices.SortFunc(down, time.Time.Compare)
		state.Since = down[len(parts)-max(need, 1)]
	case checks.Unknown:
	}
	combined.Reason = combined.failures()
	return combined
}

// enough is the verdict of what needs so many of its parts up, of which some are, and of some nothing is proved.
func enough(need, up, unknown int) checks.Verdict {
	switch need = max(need, 1); {
	case up >= need:
		return checks.Up
	case up+unknown >= need:
		return checks.Unknown
	}
	return checks.Down
}

// failures names the checks that are down, and why.
func (f *Fact) failures() string {
	var parts []string
	for _, p := range f.Parts {
		if p.Fact.State.Verdict != checks.Down {
			continue
		}
		text := p.Name + " is down"
		if p.Fact.Reason != "" {
			text = p.Name + ": " + p.Fact.Reason
		}
		parts = append(parts, text)
	}
	text := strings.Join(parts, "; ")
	if n := len(f.Parts); text != "" && f.State.Verdict == checks.Up {
		text += fmt.Sprintf("; %d of %d checks must be up, and are", f.Need, n)
	}
	return text
}

// At returns the fact of part i; f itself if i is -1, as for an address that one check watches.
func (f Fact) At(i int) Fact {
	if i < 0 {
		return f
	}
	return f.Parts[i].Fact
}

// With returns f with fact as that of part i; fact itself if i is -1.
func (f Fact) With(i int, fact Fact) Fact {
	if i < 0 {
		return fact
	}
	parts := slices.Clone(f.Parts)
	parts[i].Fact = fact
	return Combine(f.Need, parts)
}

// each calls do with f, or with each of its parts and its index.
func (f *Fact) each(do func(part int, fact *Fact)) {
	if len(f.Parts) == 0 {
		do(-1, f)
		return
	}
	for i := range f.Parts {
		do(i, &f.Parts[i].Fact)
	}
}
