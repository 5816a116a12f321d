package page

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

const (
	askEvery   = 3 * time.Second
	askTimeout = 5 * time.Second // for an answer as a whole
	// believe is how long an answer counts when the next ones don't come. What has an end is shown up to it in any case.
	believe = 10 * time.Minute
)

// heard is what a source has said.
type heard struct {
	from     string // its URL: what another one has said counts no more
	services []api.Service
	at       time.Time
}

// silence is that the source doesn't answer as it should.
type silence struct {
	since time.Time
	err   error // of the last try
}

// known returns the state of the services as far as it is known.
func (h *Host) known(w *world, now time.Time) []api.Service {
	if h.services != nil {
		return h.services(now)
	}
	last := h.heardFrom(w.config.Source)
	if last == nil {
		return nil
	}
	if now.Sub(last.at) < believe {
		return last.services
	}
	var lasting []api.Service
	for _, s := range last.services {
		if f, _ := planned(&s); f.Until.After(now) {
			lasting = append(lasting, s)
		}
	}
	return lasting
}

// heardFrom returns what a source has said last; nil if there is no source, or it hasn't said anything yet.
func (h *Host) heardFrom(source *config.PageSource) *heard {
	last := h.heard.Load()
	if last == nil || source == nil || last.from != source.URL.String() {
		return nil
	}
	return last
}

// sourceProblem says that the source is silent and what that means; empty if it isn't, or there is none.
func (h *Host) sourceProblem(w *world, now time.Time) string {
	source, silent := w.config.Source, h.silent.Load()
	if source == nil || silent == nil {
		return ""
	}
	text := fmt.Sprintf("source %s does not answer since %s (%v): ", source.URL.Redacted(), stamp(silent.since), silent.err)
	switch last := h.heardFrom(source); {
	case last == nil:
		return text + "what is planned isn't known"
	case now.Sub(last.at) < believe:
		return text + fmt.Sprintf("what it said last, at %s, counts until %s; what has an end, until that", stamp(last.at), stamp(last.at.Add(believe)))
	default:
		return text + fmt.Sprintf("of what it said last, at %s, only what has an end counts, until that", stamp(last.at))
	}
}

// ask asks the source again and again, until ctx ends.
func (h *Host) ask(ctx context.Context) error {
	client := &http.Client{
		Timeout:       askTimeout,
		Transport:     &http.Transport{Proxy: nil, IdleConnTimeout: time.Minute, MaxIdleConns: 1, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		if source := h.live.Load().config.Source; source != nil && h.services == nil {
			services, err := askOnce(ctx, client, source)
			if ctx.Err() == nil {
				h.hear(source, services, err)
			}
		} else {
			h.silent.Store(nil)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-h.asked:
		}
	}
}

// hear takes what a source has answered.
func (h *Host) hear(source *config.PageSource, services []api.Service, err error) {
	before := h.silent.Load()
	switch {
	case err == nil:
		h.silent.Store(nil)
		h.heard.Store(&heard{source.URL.String(), services, time.Now()})
		h.look()
		if before != nil {
			h.log.Info("source answers again", "url", source.URL.Redacted())
		}
	case before != nil:
		h.silent.Store(&silence{before.since, err})
	default:
		h.silent.Store(&silence{time.Now(), err})
		h.log.Warn("source does not answer, what it said last counts", "url", source.URL.Redacted(), "error", err)
	}
}

func askOnce(ctx context.Context, client *http.Client, source *config.PageSource) ([]api.Service, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source.URL.JoinPath("api/v1/status").String(), nil)
	if err != nil {
		return nil, err
	}
	if source.Token != "" {
		req.Header.Set("Authorization", "Bearer "+source.Token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, inShort(errors.Unwrap(err)) // the URL is said where this is told
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	services, err := readServices(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("it answers what is no status of a dnsfailover: %w", inShort(err))
	}
	return services, nil
}

// inShort returns err for people to read: it may quote what is not a dnsfailover at length.
func inShort(err error) error {
	const most = 200
	var e net.Error
	if errors.As(err, &e) && e.Timeout() {
		return fmt.Errorf("there is no whole answer after %v", askTimeout)
	}
	if text := err.Error(); len(text) > most {
		return errors.New(strings.ToValidUTF8(text[:most], "") + "…")
	}
	return err
}
