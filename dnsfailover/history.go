package dnsfailover

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// hear takes what has happened and is served: the history keeps it, and hooks pass it on.
func (s *instance) hear(events []api.Event) { s.hooks.Add(s.history.Add(events)) }

// act takes down what this program or an operator did to it as a whole.
func (s *instance) act(e api.Event) {
	e.Time = time.Now().UTC()
	s.hear([]api.Event{e})
}

// History returns what has happened.
func (s *instance) History(q api.HistoryQuery) (api.History, error) {
	events, more, err := s.history.Query(q)
	if err != nil {
		return api.History{}, err
	}
	if len(events) == 0 {
		events = []api.Event{}
		known := func(c config.Service) bool { return c.Name == q.Service }
		if q.Service != "" && q.After == 0 && !slices.ContainsFunc(s.services(), known) {
			return api.History{}, &api.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("there is no service %q, and the history knows nothing of one", q.Service)}
		}
	}
	return api.History{Events: events, More: more}, nil
}

// reloaded takes down that a reload was asked for, and what it came to: next is the world that was taken, or nil.
func (s *instance) reloaded(author string, old, next *world, problems []string) {
	e := api.Event{Kind: api.EventReload, Author: author, Before: &api.Facts{Config: old.Config.Digest}}
	switch {
	case next == nil:
		e.Text = fmt.Sprintf("refused, the configuration stays: %s", problems[0])
	default:
		e.Changes, e.After = changed(old, next), &api.Facts{Config: next.Config.Digest}
		switch n := len(e.Changes); n {
		case 0:
			e.Text = "nothing has changed"
		case 1:
			e.Text = e.Changes[0]
		default:
			e.Text = fmt.Sprintf("%s, and %d more changes", e.Changes[0], n-1)
		}
		if len(problems) > 0 {
			e.Text += fmt.Sprintf("; not everything was taken: %s", problems[0])
		}
	}
	s.act(e)
}

// changed says in phrases what differs between two worlds. It names tokens and never tells their secrets.
func changed(old, next *world) []string {
	var out []string
	compare := func(what string, before, after map[string]string) {
		for _, name := range slices.Sorted(keys(before, after)) {
			was, existed := before[name]
			is, exists := after[name]
			switch {
			case !existed:
				out = append(out, fmt.Sprintf("%s %s added", what, name))
			case !exists:
				out = append(out, fmt.Sprintf("%s %s removed", what, name))
			case was != is && what == "zone":
				out = append(out, fmt.Sprintf("zone %s changed from serial %s to %s", name, was, is))
			case was != is:
				out = append(out, fmt.Sprintf("%s %s changed", what, name))
			}
		}
	}
	compare("service", old.servicePrints(), next.servicePrints())
	compare("zone", old.serials(), next.serials())
	compare("token", secrets(old.Config), secrets(next.Config))
	compare("hook", hookPrints(old.Config), hookPrints(next.Config))
	if len(out) == 0 && old.Config.Digest != next.Config.Digest {
		out = append(out, "the configuration changed, but no service, zone, token or hook")
	}
	return out
}

// places are what of a configuration tells where something stands in its file.
var places = regexp.MustCompile(`"Where":"(\\.|[^"\\])*"`)

// servicePrints returns the services by name, each as a text that changes if it does.
func (w *world) servicePrints() map[string]string {
	out := map[string]string{}
	for _, s := range w.Config.Services {
		print, err := json.Marshal(s)
		if err != nil {
			print = []byte(err.Error())
		}
		out[s.Name] = string(places.ReplaceAll(print, nil))
	}
	return out
}

// serials returns the serials of the zones by name.
func (w *world) serials() map[string]string {
	out := map[string]string{}
	for _, z := range w.Set.Zones() {
		out[z.Name()] = fmt.Sprint(z.Serial())
	}
	return out
}

func secrets(cfg *config.Config) map[string]string {
	out := map[string]string{}
	for _, t := range cfg.Tokens {
		out[t.Name] = t.Secret
	}
	return out
}

func hookPrints(cfg *config.Config) map[string]string {
	out := map[string]string{}
	for _, h := range cfg.Hooks {
		h.Roots = nil // which RootsID stands for
		out[h.Name] = fmt.Sprintf("%+v", h)
	}
	return out
}

// keys yields those of both maps, each once.
func keys(a, b map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range a {
			if !yield(k) {
				return
			}
		}
		for k := range b {
			if _, twice := a[k]; !twice && !yield(k) {
				return
			}
		}
	}
}
