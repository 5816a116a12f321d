package control

import (
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/policy"
)

// window returns the window that is open while step is served, whether or not it decides; nil if there is none.
func (v *view) window(now time.Time, step policy.Planned) *api.Window {
	if step.Window != nil {
		return v.showWindow(*step.Window, now)
	}
	var open *api.Window
	for _, w := range v.in.Plan.Windows(now) {
		if !now.Before(w.Start) {
			open = v.showWindow(w, now) // of several the last, which began last
		}
	}
	return open
}

func (v *view) showWindow(w policy.Window, now time.Time) *api.Window {
	return &api.Window{
		ID: w.ID, Service: v.name(), Target: v.target(w.Target), Start: w.Start.UTC(), End: w.End.UTC(),
		Open: !now.Before(w.Start) && now.Before(w.End), Reason: w.Reason, Author: w.Author, Recurring: w.Recurring,
	}
}
