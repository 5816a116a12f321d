package policy

import (
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// RuleWindow is an open window: a planned period in which the service is switched.
const RuleWindow = "window"

// Window is one planned period, [Start, End) by the wall clock.
type Window struct {
	ID             string
	Target         int
	Start, End     time.Time
	Reason, Author string
	Since          time.Time // when it was planned; zero for one of the configuration
	// Recurring says that the configuration has it, and that it comes again.
	Recurring bool
}

func (w *Window) open(now time.Time) bool { return !now.Before(w.Start) && now.Before(w.End) }

// Plan is what is planned for a service around an instant: all one-shot windows, and of those that come again the open
// occurrence and the next few. It is immutable. Outside of what it covers it must be made anew, which is done wherever it is used:
// it saves work, and no decision depends on when it was made.
type Plan struct {
	service *config.Service
	once    []Window
	windows []Window // by Start; of those that start at once the later wins
	// from and until bound the instants at which windows has all that is open and the next edge.
	from, until time.Time
}

// occurrences is how many of a window a plan holds besides the open one.
const occurrences = 3

// NewPlan returns the plan for a service around now; nil if nothing is planned.
func NewPlan(service *config.Service, once []Window, now time.Time) *Plan {
	if len(service.Windows) == 0 && len(once) == 0 {
		return nil
	}
	p := &Plan{service: service, once: once, from: now}
	for i := range service.Windows {
		w := &service.Windows[i]
		var last time.Time
		at := w.Cron.Last(now, w.For, w.Timezone)
		for range occurrences + 1 {
			next := w.Cron.Next(latest(at, now), w.Timezone)
			if !at.IsZero() {
				p.windows = append(p.windows, occurrence(w, at, next))
			}
			if next.IsZero() {
				at = next
				break
			}
			last, at = at, next
		}
		if !at.IsZero() { // what follows the last of them is not known
			p.until = earlier(p.until, last)
		}
	}
	for _, w := range once {
		if now.Before(w.End) {
			p.windows = append(p.windows, w)
		}
	}
	slices.SortStableFunc(p.windows, func(a, b Window) int { return a.Start.Compare(b.Start) })
	return p
}

// occurrence returns the one that begins at start. It ends at the latest when the next one begins.
func occurrence(w *config.Window, start, next time.Time) Window {
	end := start.Add(w.For)
	if !next.IsZero() {
		end = earliest(end, next)
	}
	return Window{ID: w.ID, Target: w.To, Start: start.UTC(), End: end.UTC(), Reason: w.Reason, Recurring: true}
}

// At returns the plan around now, which is p if that covers it.
func (p *Plan) At(now time.Time) *Plan {
	if p == nil || !now.Before(p.from) && (p.until.IsZero() || now.Before(p.until)) {
		return p
	}
	return NewPlan(p.service, p.once, now)
}

// Once returns the one-shot windows of a plan.
func (p *Plan) Once() []Window {
	if p == nil {
		return nil
	}
	return slices.Clone(p.once)
}

// Starts tells whether a window starts at an instant.
func (p *Plan) Starts(at time.Time) bool {
	if p == nil {
		return false
	}
	for _, w := range p.At(at).windows {
		if w.Start.Equal(at) {
			return true
		}
	}
	return false
}

// Windows returns the windows that are open at now or still to come, as far as the plan around now has them, by their start.
func (p *Plan) Windows(now time.Time) []Window {
	p = p.At(now)
	if p == nil {
		return nil
	}
	var out []Window
	for _, w := range p.windows {
		if now.Before(w.End) {
			out = append(out, w)
		}
	}
	return out
}

// open returns the windows that hold at now, the one that started last behind the others, and the next instant at which
// any window starts or ends; zero if there is none.
func (p *Plan) open(now time.Time) (windows []*Window, next time.Time) {
	if p == nil {
		return nil, next
	}
	for i := range p.windows {
		w := &p.windows[i]
		if now.Before(w.Start) {
			return windows, earlier(next, w.Start)
		}
		if now.Before(w.End) {
			windows, next = append(windows, w), earlier(next, w.End)
		}
	}
	return windows, next
}

// planned lays the open windows over the decision c without operators, the newest on top. With guard refuse one whose target is
// down is no more than a plan.
func planned(in *Input, c choice) choice {
	in.Plan = in.Plan.At(in.Now)
	windows, next := in.Plan.open(in.Now)
	for _, w := range windows {
		if !in.Refused(w.Target) {
			c = c.overlaid(w.Target, RuleWindow)
			c.window = w
		}
	}
	c.next = earlier(c.next, next)
	return c
}

// Refused tells whether guard keeps windows to a target from beginning.
func (in *Input) Refused(target int) bool {
	return in.Service.Guard == config.GuardRefuse && in.Verdict(target) == checks.Down
}

// overlaid returns what rule makes of c.
func (c choice) overlaid(target int, rule string) choice {
	c.under, c.target, c.rule, c.window = c.target, target, rule, nil
	return c
}

// lead is how much earlier than its edge a planned switch away from a target is served: caches that count in whole
// seconds may hold an answer of TTL 0 for as long.
const lead = time.Second

// begin returns from when on the last of steps is served: where a window begins to decide, ahead of the edge, so that it finds no
// cache that points elsewhere. What holds until then comes first: neither an override nor a window lets go early of a target
// that it keeps clients away from.
func begin(steps []Planned) time.Time {
	last := len(steps) - 1
	p, before := &steps[last], &steps[last-1]
	if p.Rule != RuleWindow || before.Rule == RuleWindow && !p.Window.Start.Equal(p.Edge) { // that one's end uncovers an older one
		return p.Edge
	}
	from := p.Edge.Add(-lead)
	for i := last - 1; i >= 0 && steps[i+1].Edge.After(from); i-- {
		if s := &steps[i]; (s.Rule == RuleWindow || s.Rule == RuleOverride) && s.Under == p.Target {
			from = steps[i+1].Edge
		}
	}
	return latest(from, before.From)
}

// windowStep explains the rule.
func (in *Input) windowStep(applies bool, under string) Step {
	step := Step{Rule: RuleWindow, Applies: applies}
	windows, _ := in.Plan.open(in.Now)
	if c := planned(in, choice{}); c.window != nil {
		step.Text = under + in.windowWords(c.window)
	} else if n := len(windows); n > 0 {
		w := windows[n-1]
		step.Text = under + "window " + w.ID + " is open, but " + in.Service.Targets[w.Target].Name + " is down and guard is refuse"
	} else {
		step.Text = "no window is open"
		if next := in.Plan.following(in.Now); next != nil {
			step.Text += ", the next is " + next.ID + " to " + in.Service.Targets[next.Target].Name + " at " + instant(next.Start)
		}
	}
	return step
}

func (p *Plan) following(now time.Time) *Window {
	if p == nil {
		return nil
	}
	for i := range p.windows {
		if p.windows[i].Start.After(now) {
			return &p.windows[i]
		}
	}
	return nil
}

// windowWords says in one sentence what w does.
func (in *Input) windowWords(w *Window) string {
	text := "window " + w.ID + " to " + in.Service.Targets[w.Target].Name + " is open until " + instant(w.End)
	if w.Author != "" {
		text += ", planned by " + w.Author
	}
	if w.Reason != "" {
		text += ": " + w.Reason
	}
	return text
}
