package page

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/page/notice"
)

// look again at least as often: at files, and at ends that have passed.
const keepEvery = time.Second

// keep decides anew whenever something may have changed, until ctx ends. Nobody else decides while it runs: of two, each could store its
// stand and turn the gates to that of the other.
func (h *Host) keep(ctx context.Context) error {
	defer close(h.kept)
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			h.decide(h.live.Load(), time.Now())
		case <-h.wake:
			h.decide(h.live.Load(), time.Now())
		case c := <-h.changes:
			h.enter(c.to)
			close(c.decided)
		}
	}
}

// change is what the keeper is told of by who waits for what comes of it.
type change struct {
	to      *world // nil: the live one; something that was said of it has changed
	decided chan struct{}
}

// settle returns when the keeper has decided about w, which is live then; about that which is, if w is nil. Once the keeper has ended
// nothing changes any more.
func (h *Host) settle(w *world) {
	c := change{w, make(chan struct{})}
	select {
	case h.changes <- c:
		<-c.decided
	case <-h.kept:
	}
}

// enter decides about w, and makes it live. For nil it is the live one.
func (h *Host) enter(w *world) {
	old := h.live.Load()
	if w == nil {
		w = old
	}
	h.decide(w, time.Now())
	if w != old {
		h.live.Store(w)
		old.retire()
	}
}

// decide gives each site of w the stand that it has to take now.
func (h *Host) decide(w *world, now time.Time) {
	services := h.known(w, now)
	for _, s := range w.sites {
		next := h.standOf(w, s, services, now)
		old := s.stand.Load()
		if old != nil && old.mode == next.mode && old.notice.Facts == next.notice.Facts && old.back == next.back && old.source == next.source {
			continue
		}
		if old != nil && old.notice.Facts == next.notice.Facts {
			next.notice = old.notice // with what it has drawn already
		}
		s.stand.Store(next)
		s.turn(next.mode)
		if old != nil {
			h.log.Info("site changed", "site", s.label, "mode", next.mode.String(), "planned", next.notice.Facts.Planned,
				"reason", next.notice.Facts.Reason, "until", stamp(next.notice.Facts.Until), "because", next.source)
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

// standOf decides what a site does, by the first of these that says something: a command, the file, the configuration, the service.
func (h *Host) standOf(w *world, s *site, services []api.Service, now time.Time) *stand {
	st := &stand{source: "nothing is planned"}
	facts := notice.Facts{}
	if s.Open {
		st.mode, st.source = modeOpen, "normally: primary"
	}
	service := serviceOf(s, services)
	if service != nil {
		var why string
		if facts, why = planned(service); facts.Planned {
			st.source = why
		}
		if st.back = isBack(service); st.back && !s.Open {
			st.source = "names of service " + service.Name + " point at the site"
		}
	}
	if s.Planned.Planned && (s.Planned.Until.IsZero() || now.Before(s.Planned.Until)) {
		facts, st.source = s.Planned, "planned in the configuration"
	}
	if s.File != "" {
		if reason, ok := readSwitch(s.File); ok {
			if !facts.Planned || reason != "" {
				facts = notice.Facts{Planned: true, Reason: reason, Until: facts.Until}
			}
			st.mode, st.source = modeNotice, "the file "+s.File
		}
	}
	if order, ok := h.said.of(now, s.known()...); ok {
		switch order.Mode {
		case "pause":
			st.mode, st.source = modePaused, "paused by "+order.Author+order.end()
		case "resume":
			st.mode, st.source = modeOpen, "resumed by "+order.Author+order.end()
		case "stop":
			st.mode, st.source = modeNotice, "stopped by "+order.Author
			if order.Message != "" || order.Until != nil {
				facts = notice.Facts{Planned: true, Reason: order.Message}
				if order.Until != nil {
					facts.Until = *order.Until
				}
			}
		}
	}
	if st.mode != modeNotice && s.primary == nil {
		st.mode = modeNotice
	}
	st.until = facts.Until
	st.notice = notice.New(s.Design, facts, h.log)
	return st
}

// maxSwitch bounds what is read of the file that switches maintenance on, in octets.
const maxSwitch = 1 << 10

// readSwitch returns the text in the file, one line, and whether it is there.
func readSwitch(path string) (reason string, there bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return "", true
	}
	f, err := os.Open(path)
	if err != nil {
		return "", true
	}
	defer f.Close()
	text := make([]byte, maxSwitch)
	n, _ := f.Read(text)
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(text[:n]), "")), " "), true
}

// serviceOf returns the service whose state a site shows: the one that it names, or that has one of its names; nil if there is none.
func serviceOf(s *site, services []api.Service) *api.Service {
	for i := range services {
		service := &services[i]
		if s.Service != "" && s.Service == service.Name {
			return service
		}
		if s.Service == "" && slices.ContainsFunc(service.Records, func(record string) bool {
			return slices.Contains(s.Names, strings.TrimSuffix(record, "."))
		}) {
			return service
		}
	}
	return nil
}

// planned returns what a person has announced for a service, in that person's words: those of the decision, as status has them, name the
// operator and are not for visitors.
func planned(s *api.Service) (notice.Facts, string) {
	switch {
	case len(s.Targets) > 0 && s.Serving == s.Targets[0].Name:
		return notice.Facts{}, "" // the site itself is served
	case s.Rule == "override" && s.Override != nil:
		return notice.Facts{Planned: true, Reason: s.Override.Reason, Until: backAt(s, s.Override.Until)}, "an override of service " + s.Name
	case s.Rule == "window" && s.Window != nil:
		return notice.Facts{Planned: true, Reason: s.Window.Reason, Until: backAt(s, &s.Window.End)}, "a window of service " + s.Name
	}
	return notice.Facts{}, ""
}

// backAt returns when a service is expected back at its first target, if what holds now has an end. Something else may hold on after it.
func backAt(s *api.Service, end *time.Time) time.Time {
	if end == nil {
		return time.Time{}
	}
	if next := s.NextChange; next != nil && len(s.Targets) > 0 && next.Serving == s.Targets[0].Name && next.At.After(*end) {
		return next.At
	}
	return *end
}

// isBack says that names point at the first target, by whatever rule.
func isBack(s *api.Service) bool { return len(s.Targets) > 1 && s.Serving == s.Targets[0].Name }
