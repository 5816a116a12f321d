package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/hooks"
	"dnsfailover/dnsfailover/server"
)

func (s sink) server(c server.Counters) {
	for _, q := range c.Queries {
		s.count(queries, q.Count, q.Zone, q.Transport, q.Type, q.Rcode)
	}
	for reason, n := range c.Dropped {
		s.count(dropped, n, reason)
	}
	s.count(panics, c.Panics)
	s.count(sendErrors, c.SendErrors)
	s.count(limited, c.Limited, "dropped")
	s.count(limited, c.Slipped, "slipped")
	s.count(trusted, c.Trusted)
	s.gauge(open, float64(c.Open))
	s.count(accepted, c.Accepted)
	s.count(refused, c.Refused)
	for reason, n := range c.Cut {
		s.count(cut, n, reason)
	}
	if c.TLS != nil {
		s.gauge(tlsOpen, float64(c.TLS.Open))
		s.count(tlsAccepted, c.TLS.Accepted)
		s.count(tlsFailed, c.TLS.Failed)
		s.count(tlsRefused, c.TLS.Refused)
		s.gauge(tlsExpires, seconds(c.TLS.Expires))
	}
}

func (s sink) checks(services []config.Service, snapshot func(string) (checks.Snapshot, bool)) {
	for _, service := range services {
		for _, target := range service.Targets {
			var sum checks.Stats
			checked := false
			for _, a := range target.Addresses {
				stats, warned, ok := watching(a.Checks, snapshot)
				if !ok {
					continue
				}
				checked = true
				address := a.IP.String()
				s.count(probes, stats.Successes, service.Name, target.Name, address, "success")
				s.count(probes, stats.Failures, service.Name, target.Name, address, "failure")
				s.count(probes, stats.Inconclusive, service.Name, target.Name, address, "inconclusive")
				s.count(probesLate, stats.Late, service.Name, target.Name, address)
				s.count(probesOverrun, stats.Overruns, service.Name, target.Name, address)
				s.count(probesShed, stats.Shed, service.Name, target.Name, address)
				s.gauge(checkWarning, flag(warned), service.Name, target.Name, address)
				add(&sum, stats)
			}
			if checked {
				s.durations(sum, service.Name, target.Name)
			}
		}
	}
}

// watching sums what the checks of an address count; false if none of them is there.
func watching(watches []config.Watch, snapshot func(string) (checks.Snapshot, bool)) (sum checks.Stats, warned, ok bool) {
	for _, w := range watches {
		if snap, there := snapshot(w.Check.ID); there {
			add(&sum, snap.Stats)
			warned, ok = warned || snap.Last.Warning != "", true
		}
	}
	return sum, warned, ok
}

func add(sum *checks.Stats, more checks.Stats) {
	sum.Successes += more.Successes
	sum.Failures += more.Failures
	sum.Inconclusive += more.Inconclusive
	sum.Late += more.Late
	sum.Overruns += more.Overruns
	sum.Shed += more.Shed
	sum.Seconds += more.Seconds
	for i, n := range more.Buckets {
		sum.Buckets[i] += n
	}
}

func (s sink) durations(sum checks.Stats, labels ...string) {
	s.histogram(probeDuration, checks.Bounds[:], sum.Buckets[:], sum.Successes+sum.Failures, sum.Seconds, labels...)
}

func (s sink) load(l checks.Load) {
	s.gauge(probesRunning, float64(l.UnderWay))
	s.gauge(probesLimit, float64(l.Limit))
	s.histogram(probeLateness, checks.LateBounds[:], l.LateBuckets[:], l.Started, l.Seconds)
}

func (s sink) histogram(d *prometheus.Desc, bounds []float64, counts []uint64, n uint64, sum float64, labels ...string) {
	buckets := make(map[float64]uint64, len(bounds))
	for i, bound := range bounds {
		buckets[bound] = counts[i]
	}
	m, err := prometheus.NewConstHistogram(d, n, sum, buckets, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	s.out <- m
}

func (s sink) status(status api.Status) {
	s.gauge(ready, flag(status.Ready))
	for _, g := range status.Guards {
		s.gauge(frozen, flag(g.FrozenSince != nil), g.Name)
		for _, c := range g.Checks {
			s.gauge(guardVerdict, level(c.Verdict), g.Name, c.Name)
		}
	}
	for _, zone := range status.Zones {
		s.gauge(zoneSerial, float64(zone.Serial), zone.Name)
		s.gauge(zoneOK, flag(zone.Problem == ""), zone.Name)
	}
	for _, service := range status.Services {
		s.gauge(ttl, float64(service.TTL), service.Name)
		for _, target := range service.Targets {
			s.gauge(serving, flag(target.Name == service.Serving), service.Name, target.Name)
			s.count(flaps, target.FlapsTotal, service.Name, target.Name)
			s.gauge(override, flag(service.Override != nil && service.Override.Target == target.Name), service.Name, target.Name)
			for _, a := range target.Addresses {
				s.gauge(verdict, level(a.Verdict), service.Name, target.Name, a.Address)
			}
		}
		s.windows(service)
		if service.Override != nil && service.Override.Until != nil {
			s.gauge(overrideExpires, seconds(*service.Override.Until), service.Name)
		}
	}
}

func (s sink) hooks(all []hooks.Stats) {
	for _, h := range all {
		s.count(hookEvents, h.Delivered, h.Hook, "delivered")
		s.count(hookEvents, h.Failed, h.Hook, "failed")
		s.count(hookEvents, h.Dropped, h.Hook, "dropped")
		s.count(hookEvents, h.Muted, h.Hook, "muted")
		s.count(hookFailures, h.Attempts, h.Hook)
		s.gauge(hookQueue, float64(h.Queued), h.Hook)
	}
}

func (s sink) windows(service api.Service) {
	for _, target := range service.Targets {
		w := service.Window
		s.gauge(windowOpen, flag(w != nil && w.Open && w.Target == target.Name), service.Name, target.Name)
	}
	problems := 0
	if w := service.Window; w != nil {
		problems += len(w.Problems)
	}
	if w := service.NextWindow; w != nil {
		problems += len(w.Problems)
		s.gauge(windowStart, seconds(w.Start), service.Name)
		s.gauge(windowEnd, seconds(w.End), service.Name)
	}
	s.gauge(windowProblems, float64(problems), service.Name)
}

func level(verdict string) float64 {
	switch verdict {
	case checks.Up.String():
		return 1
	case checks.Down.String():
		return 0
	}
	return -1
}
