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
				if a.Check == nil {
					continue
				}
				snap, ok := snapshot(a.Check.ID)
				if !ok {
					continue
				}
				checked = true
				address := a.IP.String()
				s.count(probes, snap.Stats.Successes, service.Name, target.Name, address, "success")
				s.count(probes, snap.Stats.Failures, service.Name, target.Name, address, "failure")
				s.count(probes, snap.Stats.Inconclusive, service.Name, target.Name, address, "inconclusive")
				s.count(probesLate, snap.Stats.Late, service.Name, target.Name, address)
				s.gauge(checkWarning, flag(snap.Last.Warning != ""), service.Name, target.Name, address)
				add(&sum, snap.Stats)
			}
			if checked {
				s.durations(sum, service.Name, target.Name)
			}
		}
	}
}

func add(sum *checks.Stats, more checks.Stats) {
	sum.Successes += more.Successes
	sum.Failures += more.Failures
	sum.Seconds += more.Seconds
	for i, n := range more.Buckets {
		sum.Buckets[i] += n
	}
}

func (s sink) durations(sum checks.Stats, labels ...string) {
	buckets := make(map[float64]uint64, len(checks.Bounds))
	for i, bound := range checks.Bounds {
		buckets[bound] = sum.Buckets[i]
	}
	m, err := prometheus.NewConstHistogram(probeDuration, sum.Successes+sum.Failures, sum.Seconds, buckets, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(probeDuration, err)
	}
	s.out <- m
}

func (s sink) status(status api.Status) {
	s.gauge(ready, flag(status.Ready))
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

func level(verdict string) float64 {
	switch verdict {
	case checks.Up.String():
		return 1
	case checks.Down.String():
		return 0
	}
	return -1
}
