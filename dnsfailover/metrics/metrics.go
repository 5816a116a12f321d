package metrics

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/history"
	"dnsfailover/dnsfailover/hooks"
	"dnsfailover/dnsfailover/server"
)

// Options are where New's collector reads. Each function is called at each scrape, from any goroutine.
type Options struct {
	Version  string
	Counters func() server.Counters
	Status   func(now time.Time) api.Status
	// Services returns the services that are configured now.
	Services func() []config.Service
	// Snapshot tells what is known of a check; false if it is not there.
	Snapshot func(check string) (checks.Snapshot, bool)
	// Load tells how busy the probes are.
	Load func() checks.Load
	// Reload tells when the configuration was last taken as a whole, and whether the last attempt was.
	Reload func() (success time.Time, ok bool)
	// History tells how the history does.
	History func() history.Stats
	// Saved tells whether the state directory takes what is written to it.
	Saved func() bool
	Hooks func() []hooks.Stats
}

// New returns the collector of all metrics that are the server's own.
func New(opt Options) prometheus.Collector { return &collector{opt} }

type collector struct{ Options }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dnsfailover_"+name, help, labels, nil)
}

var (
	buildInfo = desc("build_info", "1, labelled with what the server was built from.", "version", "go")
	ready     = desc("ready", "1 if DNS is served with current data, else 0.")

	queries    = desc("queries_total", "Queries answered.", "zone", "transport", "type", "rcode")
	dropped    = desc("dropped_total", "Packets that got no answer, by reason: unanswered (a response, or too short), port_0, oversize, receive_error, overflow (the kernel's buffer was full).", "reason")
	panics     = desc("panics_total", "Queries lost to a panic.")
	sendErrors = desc("send_errors_total", "Answers that the socket refused.")
	limited    = desc("rate_limited_total", "Answers over UDP that were over the rate limit, by what became of them: dropped, or slipped, which is sent truncated.", "action")
	trusted    = desc("cookies_trusted_total", "Queries with a valid server cookie.")
	open       = desc("tcp_connections", "DNS connections open now.")
	accepted   = desc("tcp_connections_accepted_total", "DNS connections accepted.")
	refused    = desc("tcp_connections_refused_total", "DNS connections refused because there were too many.")

	cut = desc("tcp_connections_cut_total", "DNS connections ended before their clients ended them, but for those that were idle, by reason: slow_reader, slow_query, garbage.", "reason")

	tlsOpen     = desc("tls_connections", "DNS connections over TLS open now.")
	tlsAccepted = desc("tls_connections_accepted_total", "DNS connections accepted on listen.tls.")
	tlsFailed   = desc("tls_handshake_failures_total", "TLS handshakes that came to nothing.")
	tlsRefused  = desc("tls_handshakes_refused_total", "DNS connections over TLS closed before their handshake because their network opened too many.")
	tlsExpires  = desc("tls_certificate_expiry_timestamp_seconds", "When the certificate that TLS clients are shown expires.")

	probes        = desc("probes_total", "Probes that have ended; inconclusive: this host lacked something, such as a free file, so they count for nothing.", "service", "target", "address", "result")
	probesLate    = desc("probes_late_total", "Probes that started over a second after they were due.", "service", "target", "address")
	checkWarning  = desc("check_warning", "1 if the last probe succeeded with a warning, such as of a certificate that expires soon, else 0.", "service", "target", "address")
	probesOverrun = desc("probes_overrun_total", "Probes that ended over a second after their timeout.", "service", "target", "address")
	probesShed    = desc("probes_shed_total", "Probes that were left out because as many were under way as may be.", "service", "target", "address")
	probesRunning = desc("probes_running", "Probes under way now.")
	probesLimit   = desc("probes_limit", "Probes that may be under way at the same time.")
	probeLateness = desc("probe_lateness_seconds", "How late probes started.")
	probeDuration = desc("probe_duration_seconds", "How long probes took, those that failed included.", "service", "target")
	verdict       = desc("verdict", "1 if the address is up, 0 if it is down, -1 if that is unknown.", "service", "target", "address")

	frozen       = desc("frozen", "1 if the verdicts of what requires the check, or of everything if that are the canaries, are kept as they were, else 0.", "guard")
	guardVerdict = desc("guard_verdict", "1 if the check of the canaries, or that others require, is up, 0 if it is down, -1 if that is unknown.", "guard", "check")

	serving         = desc("serving", "1 if the target is what the service serves now, else 0.", "service", "target")
	ttl             = desc("ttl_seconds", "TTL of an answer given now.", "service")
	flaps           = desc("flaps_total", "How often the service left the target because it was down.", "service", "target")
	override        = desc("override", "1 if an operator has switched the service to the target, else 0.", "service", "target")
	overrideExpires = desc("override_expires_timestamp_seconds", "When the override ends; absent if there is none or it lasts until released.", "service")

	windowOpen     = desc("window_open", "1 if a planned window to the target is open, else 0.", "service", "target")
	windowStart    = desc("window_next_start_timestamp_seconds", "When the next planned window starts; absent if none is planned.", "service")
	windowEnd      = desc("window_next_end_timestamp_seconds", "When the next planned window ends; absent if none is planned.", "service")
	windowProblems = desc("window_problems", "How many things are doubtful about the open window and the next one.", "service")

	zoneSerial = desc("zone_serial", "Serial of the zone that is served.", "zone")
	zoneOK     = desc("zone_ok", "1 if the zone is served as its file says, 0 if the file could not be taken.", "zone")

	hookEvents   = desc("hook_events_total", "Events for a hook by what became of them: delivered, failed (given up), dropped (no room in its queue), muted (planned).", "hook", "result")
	hookFailures = desc("hook_failed_attempts_total", "Attempts of a hook that failed; those that are not given up are made again.", "hook")
	hookQueue    = desc("hook_queue", "Events that wait for a hook.", "hook")

	historyPending = desc("history_pending", "Events that wait to be written to the history's file.")
	historyDropped = desc("history_dropped_total", "Events that the history lost because they could not be written.")
	stateSaved     = desc("state_saved", "1 if what must survive a restart is on the disk, 0 if it can't be saved: then overrides are refused.")

	reloadSuccess = desc("reload_success", "1 if the last reload took everything, else 0.")
	reloadLast    = desc("reload_last_success_timestamp_seconds", "When the configuration was last taken as a whole; absent if it never was.")
)

// Describe sends every description. It is part of prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildInfo, ready,
		queries, dropped, panics, sendErrors, limited, trusted, open, accepted, refused, cut,
		tlsOpen, tlsAccepted, tlsFailed, tlsRefused, tlsExpires,
		frozen, guardVerdict,
		probesOverrun, probesShed, probesRunning, probesLimit, probeLateness,
		probes, probesLate, checkWarning, probeDuration, verdict,
		windowOpen, windowStart, windowEnd, windowProblems,
		serving, ttl, flaps, override, overrideExpires,
		zoneSerial, zoneOK,
		hookEvents, hookFailures, hookQueue,
		historyPending, historyDropped,
		stateSaved, reloadSuccess, reloadLast,
	} {
		out <- d
	}
}

// Collect sends everything as it is now. It is part of prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := sink{out}
	s.gauge(buildInfo, 1, c.Version, runtime.Version())
	s.server(c.Counters())
	s.checks(c.Services(), c.Snapshot)
	s.load(c.Load())
	s.status(c.Status(time.Now()))

	s.hooks(c.Hooks())
	kept := c.History()
	s.gauge(historyPending, float64(kept.Pending))
	s.count(historyDropped, kept.Dropped)
	s.gauge(stateSaved, flag(c.Saved()))
	last, ok := c.Reload()
	s.gauge(reloadSuccess, flag(ok))
	if !last.IsZero() {
		s.gauge(reloadLast, seconds(last))
	}
}

// sink sends samples. One that can't be made (a label that is no UTF-8) is reported as such; it
// doesn't take the others with it.
type sink struct{ out chan<- prometheus.Metric }

func (s sink) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.send(prometheus.GaugeValue, d, value, labels)
}

func (s sink) count(d *prometheus.Desc, value uint64, labels ...string) {
	s.send(prometheus.CounterValue, d, float64(value), labels)
}

func (s sink) send(t prometheus.ValueType, d *prometheus.Desc, value float64, labels []string) {
	m, err := prometheus.NewConstMetric(d, t, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	s.out <- m
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
