package page

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

const (
	askEvery   = 3 * time.Second
	askTimeout = 5 * time.Second
	// believe is how long an answer counts when the next ones don't come. What has an end is shown up to it in any case.
	believe   = 10 * time.Minute
	maxAnswer = 16 << 20 // octets
)

// heard is what a dnsfailover has said.
type heard struct {
	services []api.Service
	at       time.Time
}

// known returns the state of the services as far as it is known.
func (h *Host) known(now time.Time) []api.Service {
	if h.services != nil {
		return h.services(now)
	}
	last := h.heard.Load()
	if last == nil {
		return nil
	}
	if now.Sub(last.at) < believe {
		return last.services
	}
	var lasting []api.Service
	for _, s := range last.services {
		if f, _ := planned(&s, now); !f.Until.IsZero() {
			lasting = append(lasting, s)
		}
	}
	return lasting
}

// ask asks the source again and again, until ctx ends.
func (h *Host) ask(ctx context.Context) error {
	client := &http.Client{
		Timeout:       askTimeout,
		Transport:     &http.Transport{Proxy: nil, IdleConnTimeout: time.Minute, MaxIdleConns: 1},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	silent := false
	for {
		if source := h.live.Load().config.Source; source != nil && h.services == nil {
			services, err := askOnce(ctx, client, source)
			switch {
			case err == nil:
				h.heard.Store(&heard{services, time.Now()})
				h.look()
				if silent {
					h.log.Info("source answers again", "url", source.URL.Redacted())
				}
			case ctx.Err() == nil && !silent:
				h.log.Warn("source does not answer, what it said last counts", "url", source.URL.Redacted(), "error", err)
			}
			silent = err != nil
			h.silent.Store(silent)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
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
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	var status api.Status
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&status); err != nil {
		return nil, fmt.Errorf("it answers what is no status: %w", err)
	}
	return status.Services, nil
}
