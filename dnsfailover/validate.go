package dnsfailover

import (
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/control"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/zones"
)

// Report is what Validate found.
type Report struct {
	Problems, Warnings []string // one line each, with file:line:column
	Services           []ServiceBound
	Windows            []ComingWindow
}

// ComingWindow is a window of the configuration and when it comes next.
type ComingWindow struct {
	ID, Target string
	For        time.Duration
	Starts     []time.Time // in the window's time zone; the first may be open
}

// ServiceBound is the worst-case time from the death of a service's first target; zero if the service never fails over by
// itself, since nothing watches that target or there is no other.
type ServiceBound struct {
	Name      string
	Detection time.Duration // until another target is served
	Caches    time.Duration // until every correct cache has followed
}

// Validate reads the configuration and its zones exactly as Serve does before it listens.
func Validate(file string) Report {
	var r Report
	cfg, problems := config.Load(file)
	for _, p := range problems {
		r.Problems = append(r.Problems, p.String())
	}
	if cfg == nil {
		return r
	}
	for _, p := range cfg.Warnings {
		r.Warnings = append(r.Warnings, p.String())
	}
	w := &world{}
	w.Config = cfg
	w.Slots = map[string]*zones.Slot{}
	var loaded []*zones.Zone
	for i, dynamics := range w.dynamics() {
		zone, problems := zones.Load(cfg.Zones[i].Name, cfg.Zones[i].File, dynamics)
		for _, p := range problems {
			if p.Warning {
				r.Warnings = append(r.Warnings, p.String())
			} else {
				r.Problems = append(r.Problems, p.String())
			}
		}
		if zone == nil {
			zone = zones.Broken(cfg.Zones[i].Name)
		}
		loaded = append(loaded, zone)
	}
	r.Warnings = append(r.Warnings, undelegated(cfg, zones.NewSet(loaded))...)
	for _, s := range cfg.Services {
		r.Services = append(r.Services, worst(cfg, s))
		r.Windows = append(r.Windows, coming(&s, time.Now())...)
	}
	return r
}

// coming returns the windows of a service in the order of the configuration, with the occurrences that a plan around now has.
func coming(s *config.Service, now time.Time) []ComingWindow {
	plan := policy.NewPlan(s, nil, now)
	var out []ComingWindow
	for _, w := range s.Windows {
		c := ComingWindow{ID: w.ID, Target: s.Targets[w.To].Name, For: w.For}
		for _, o := range plan.Windows(now) {
			if o.ID == w.ID {
				c.Starts = append(c.Starts, o.Start.In(w.Timezone))
			}
		}
		out = append(out, c)
	}
	return out
}

// confirmation returns how long a verdict waits for canaries and required checks to answer, or for other addresses that stand
// in for canaries: one probe of each, which may have to wait for one that is under way.
func confirmation(cfg *config.Config, id string) time.Duration {
	var longest time.Duration
	if control.Crowded(cfg) {
		for _, check := range cfg.Checks {
			longest = max(longest, checks.WorstAnswer(check))
		}
	}
	for _, w := range append(append([]config.Watch{}, cfg.Canaries.Checks...), cfg.Requires[id]...) {
		longest = max(longest, checks.WorstAnswer(w.Check))
	}
	return longest
}

// worst returns the bound of a service.
func worst(cfg *config.Config, s config.Service) ServiceBound {
	bound := ServiceBound{Name: s.Name}
	if len(s.Targets) == 1 {
		return bound
	}
	beginning := time.Duration(0)
	for _, a := range s.Targets[0].Addresses {
		if len(a.Checks) == 0 {
			return ServiceBound{Name: s.Name}
		}
		for _, w := range a.Checks {
			confirmed := confirmation(cfg, w.Check.ID)
			bound.Detection = max(bound.Detection, checks.WorstDetection(w.Check)+confirmed)
			once := *w.Check
			once.Fall = 1
			beginning = max(beginning, checks.WorstDetection(&once)+confirmed)
		}
	}
	// Until the first failure is seen answers carry the whole TTL, from then on no more than the time that is
	// left, at least the minimum. A cache may hold each for a second longer.
	bound.Caches = max(beginning+s.MaxTTL, bound.Detection+s.MinTTL) + time.Second
	return bound
}
