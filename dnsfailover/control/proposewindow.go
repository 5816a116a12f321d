package control

import (
	"math"
	"net/http"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/state"
)

const (
	maxWindows = 1000 // one-shot ones, of all services
	// farthest is how far ahead a window can be planned.
	farthest = 10 * 365 * 24 * time.Hour
)

// proposeWindow makes the window that n asks for, or says why not.
func (c *Control) proposeWindow(sv *managed, n api.NewWindow, now time.Time) (state.Window, error) {
	w := state.Window{
		Service: n.Service, Target: n.Target, Start: n.Start.Round(0).UTC(), Since: now.Round(0).UTC(), Reason: n.Reason, Author: n.Author,
	}
	no := func(format string, args ...any) (state.Window, error) {
		return w, refuse(http.StatusUnprocessableEntity, format, args...)
	}
	if index(sv.in.Service, n.Target) < 0 {
		return w, refuse(http.StatusNotFound, "service %q has no target %q%s", n.Service, n.Target, suggest(n.Target, targets(sv.in.Service), "it has"))
	}
	switch {
	case len(n.Reason) > maxText:
		return no("\"reason\" has %d bytes: keep it to %d", len(n.Reason), maxText)
	case len(n.Author) > maxText:
		return no("\"author\" has %d bytes: keep it to %d", len(n.Author), maxText)
	case !n.Start.After(now):
		return no("the start %s is over: it is %s; to switch now, override the service", text(n.Start), text(now))
	case n.Start.After(now.Add(farthest)):
		return no("the start %s is more than ten years ahead", text(n.Start))
	case (n.For != 0) == (n.End != nil):
		return no("say how long with exactly one of \"for\" and \"end\"")
	case math.IsNaN(n.For), n.End == nil && (n.For < config.MinWindow.Seconds() || n.For > config.MaxWindow.Seconds()):
		return no("\"for\" is %.10g seconds: it must be from 1 second to 31 days", n.For)
	case n.End == nil:
		w.End = w.Start.Add(time.Duration(n.For * float64(time.Second)))
	default:
		w.End = n.End.Round(0).UTC()
		if d := w.End.Sub(w.Start); d < config.MinWindow || d > config.MaxWindow {
			return no("the end %s must come from 1 second to 31 days after the start %s", text(w.End), text(w.Start))
		}
	}
	if len(c.windows) >= maxWindows {
		return w, refuse(http.StatusConflict, "there are %d windows already: cancel some, or put what comes again into the configuration", len(c.windows))
	}
	return w, nil
}
