package page

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dnsfailover/dnsfailover/page/notice"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dnsfailover_page_"+name, help, labels, nil)
}

var (
	requests  = desc("requests_total", "Requests answered, by what was answered: a form of the notice, proxy, file, redirect, or malformed, which the body of a request to be passed on was.", "site", "form", "status")
	siteMode  = desc("site_mode", "1 for what the site does now: show its notice, be open or be paused.", "site", "mode")
	isPlanned = desc("site_planned", "1 if maintenance of the site is announced, else 0.", "site")
	untilWhen = desc("site_until_timestamp_seconds", "When the site is expected back; absent if that isn't known.", "site")
	held      = desc("held_total", "Requests that found the site paused or its upstream missing, by what became of them: released, late, or there was no place left to wait, for anybody (full) or for this client (share).", "site", "result")
	waiting   = desc("waiting", "Requests that wait now.", "site")
	byStaff   = desc("staff_requests_total", "Requests of staff, let through to the primary.", "site")

	sourceUp    = desc("source_up", "1 if the source has answered when it was asked last, 0 if not; absent if there is none.")
	sourceHeard = desc("source_heard_timestamp_seconds", "When the source has answered last; absent if it never did.")

	reloadSuccess = desc("reload_success", "1 if the configuration was taken when it was last read, else 0; absent in a page host that is part of a server.")
	reloadLast    = desc("reload_last_success_timestamp_seconds", "When the configuration was last taken; absent in a page host that is part of a server.")

	conns      = desc("connections", "Connections open now.")
	accepted   = desc("connections_accepted_total", "Connections accepted.")
	shed       = desc("connections_shed_total", "Connections closed because a new one needed their place: those that had waited longest for their client.")
	refused    = desc("connections_refused_total", "Connections closed at once, because there were too many of one client, or in all and each was busy.", "limit")
	unheard    = desc("malformed_requests_total", "Requests that are no good HTTP/1, or whose head is too large: they are refused before it is known which site they are for.")
	panics     = desc("panics_total", "Connections lost to a panic of this program: please report what the log says of it.")
	handshakes = desc("tls_handshake_failures_total", "TLS handshakes that came to nothing.")
	expires    = desc("tls_certificate_expiry_timestamp_seconds", "When a certificate expires.", "subject")
)

// Collector returns the metrics of the host.
func (h *Host) Collector() prometheus.Collector { return collector{h} }

type collector struct{ *Host }

// Describe is part of prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		requests, siteMode, isPlanned, untilWhen, held, waiting, byStaff, sourceUp, sourceHeard, reloadSuccess, reloadLast, conns, accepted, shed, refused, unheard, panics, handshakes, expires,
	} {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, s := range c.live.Load().sites {
		for _, f := range notice.Forms {
			count(requests, s.counters.notices[f].Load(), s.label, f.String(), "503")
		}
		for class := 1; class < len(s.counters.status); class++ {
			count(requests, s.counters.status[class].Load(), s.label, "proxy", strconv.Itoa(class)+"xx")
		}
		count(requests, s.counters.files.Load(), s.label, "file", "2xx")
		count(requests, s.counters.redirected.Load(), s.label, "redirect", "307")
		count(requests, s.counters.malformed.Load(), s.label, "malformed", "4xx")
		count(byStaff, s.counters.staff.Load(), s.label)
		st := s.stand.Load()
		for _, m := range []mode{modeNotice, modeOpen, modePaused} {
			gauge(siteMode, flag(st.mode == m), s.label, m.String())
		}
		gauge(isPlanned, flag(st.notice.Facts.Planned), s.label)
		if !st.until.IsZero() {
			gauge(untilWhen, float64(st.until.Unix()), s.label)
		}
		gauge(waiting, float64(s.waiting()), s.label)
		count(held, s.counters.held.Released.Load(), s.label, "released")
		count(held, s.counters.held.Late.Load(), s.label, "late")
		count(held, s.counters.held.Full.Load(), s.label, "full")
		count(held, s.counters.held.Share.Load(), s.label, "share")
	}
	if source := c.live.Load().config.Source; source != nil {
		if last := c.heardFrom(source); last != nil || c.silent.Load() != nil {
			gauge(sourceUp, flag(c.silent.Load() == nil))
			if last != nil {
				gauge(sourceHeard, float64(last.at.UnixMilli())/1000)
			}
		}
	}
	if l := c.loaded.Load(); l != nil {
		gauge(reloadSuccess, flag(len(l.refused) == 0))
		gauge(reloadLast, float64(l.complete.UnixMilli())/1000)
	}
	f := c.front.Counters()
	gauge(conns, float64(f.Open))
	count(accepted, f.Accepted)
	count(shed, f.Shed)
	count(refused, f.RefusedInAll, "all")
	count(refused, f.RefusedOfClient, "client")
	count(unheard, f.Malformed)
	count(panics, f.Panics)
	count(handshakes, f.Handshakes)
	seen := map[string]bool{}
	for _, one := range *c.certs.all.Load() {
		leaf := one.Leaf()
		subject := leaf.Subject.CommonName
		if len(leaf.DNSNames) > 0 {
			subject = leaf.DNSNames[0]
		}
		if !seen[subject] {
			seen[subject] = true
			gauge(expires, float64(leaf.NotAfter.UnixNano())/float64(time.Second), subject)
		}
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
