package page

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/page/hold"
)

// TestOneDecides gives an order, and another configuration, while the keeper is in the middle of a decision.
func TestOneDecides(t *testing.T) {
	cfg, problems := config.ParsePage(filepath.Join(t.TempDir(), "page.yaml"), []byte(
		`hosts: [{names: [www.example.com], normally: primary, hold: {for: 30s}, primary: {addresses: ["127.0.0.1:1"]}}]`))
	if cfg == nil {
		t.Fatal(problems)
	}
	state := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		var deciding atomic.Int32
		goOn := make(chan bool)
		h := newHost(slog.New(slog.DiscardHandler), "test", func(time.Time) []api.Service {
			deciding.Add(1)
			defer deciding.Add(-1)
			if slow.Load() {
				<-goOn
			}
			return nil
		})
		var err error
		if h.said, err = recall(state, h.log); err != nil {
			t.Fatal(err)
		}
		h.enter(h.compile(cfg))
		slow.Store(true)
		var keeper, others sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		keeper.Go(func() { _ = h.keep(ctx) })
		time.Sleep(keepEvery)
		synctest.Wait()

		answer := httptest.NewRecorder()
		next := h.compile(cfg)
		others.Go(func() {
			h.controlHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/api/v1/page/sites/www.example.com/pause", strings.NewReader("{}")))
		})
		others.Go(func() { h.settle(next) })
		synctest.Wait()
		if n := deciding.Load(); n != 1 {
			t.Errorf("%d decide at once", n)
		}
		close(goOn)
		others.Wait()
		if !strings.Contains(answer.Body.String(), `"mode":"paused"`) {
			t.Errorf("who ordered a pause is told %s", answer.Body)
		}
		if s := h.live.Load().labelled("www.example.com"); h.live.Load() != next || s.stand.Load().mode != modePaused || s.gates[0].Status().State != hold.Paused {
			t.Errorf("the site is %v, its gate %v", s.stand.Load().mode, s.gates[0].Status().State)
		}
		stop()
		keeper.Wait()
		h.settle(nil) // waits for nobody who has ended
	})
}
