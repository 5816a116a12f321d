package control

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/state"
)

// disk is a store whose writes can be held up or fail.
type disk struct {
	Store
	hold chan struct{} // not nil: a write waits until it is closed
	err  error
	puts atomic.Int32
}

func (d *disk) PutOverride(ctx context.Context, service string, o state.Override) error {
	d.puts.Add(1)
	if d.hold != nil {
		<-d.hold
	}
	if d.err != nil {
		return d.err
	}
	return d.Store.PutOverride(context.WithoutCancel(ctx), service, o) // it has begun
}

func (d *disk) DeleteOverride(ctx context.Context, service string) error {
	if d.err != nil {
		return d.err
	}
	return d.Store.DeleteOverride(ctx, service)
}

func TestOverrideThatCannotBeStoredIsNotServed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{err: errors.New("no space left on device")}
		h := start(t, dir, world(web()), func(s Store) Store { d.Store = s; return d })
		_, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 60})
		if got := problem(t, err); got != `503 the override of service "web" can't be stored, so it is not served: no space left on device` {
			t.Error(got)
		}
		h.serves(primary)
		d.err = nil
		h.override("backup")
		d.err = errors.New("input/output error")
		_, err = h.Release(t.Context(), "web", "alice")
		if got := problem(t, err); got != `503 the release of service "web" can't be stored, so the override stays: input/output error` {
			t.Error(got)
		}
		h.serves(backup)
	})
}

func TestSlowDiskHoldsUpNobodyButTheOperator(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hold: make(chan struct{})}
		h := start(t, dir, world(web()), func(s Store) Store { d.Store = s; return d })
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		answers := make(chan error, 2)
		ctx, cancel := context.WithCancel(t.Context())
		for _, target := range []string{"primary", "backup"} {
			go func() {
				_, err := h.Switch(ctx, "web", api.Switch{Target: target, UntilReleased: true})
				answers <- err
			}()
			synctest.Wait()
		}
		h.is(primary, checks.Down)
		h.serves(backup)
		if d.puts.Load() != 1 || len(answers) != 0 {
			t.Errorf("%d writes begun, %d answered", d.puts.Load(), len(answers))
		}
		cancel() // both lose patience: the one in the queue leaves, the one that is being written must be served
		synctest.Wait()
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("whoever waited for a turn got %v", err)
		}
		close(d.hold)
		synctest.Wait()
		if err := <-answers; err != nil {
			t.Errorf("whose override was being written got %v", err)
		}
		h.serves(primary)
		h.stop()
		if o := start(t, dir, h.world).web().Override; o == nil || o.Target != "primary" {
			t.Errorf("stored is %v", o)
		}
	})
}

func TestCommandsEndWithTheServer(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.stop()
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 60}); problem(t, err) != "503 the server is stopping" {
			t.Error(err)
		}
		h.is(primary, checks.Down) // nobody takes it, and nobody is held up
	})
}

func TestReloadWaitsForAnOperatorsChange(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hold: make(chan struct{})}
		h := start(t, dir, world(web()), func(s Store) Store { d.Store = s; return d })
		switched, replaced := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", UntilReleased: true})
			switched <- err
		}()
		synctest.Wait()
		go func() { replaced <- h.Replace(t.Context(), world(service("other", "192.0.2.9")), func() {}) }()
		synctest.Wait()
		if len(replaced) != 0 {
			t.Error("the world was replaced between the disk and the slot")
		}
		close(d.hold)
		if err := <-switched; err != nil {
			t.Error(err)
		}
		h.serves(backup)
		if err := <-replaced; err != nil {
			t.Error(err)
		}
		if got := h.Problems(); len(got) != 1 { // what is on the disk is known
			t.Errorf("problems %q", got)
		}
	})
}

func TestOverrideThatIsStoredWhileTheServerStopsIsServedByTheNext(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hold: make(chan struct{})}
		h := start(t, dir, world(web()), func(s Store) Store { d.Store = s; return d })
		switched := make(chan error, 1)
		go func() {
			_, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", UntilReleased: true})
			switched <- err
		}()
		synctest.Wait()
		h.cancel()
		synctest.Wait()
		close(d.hold)
		if got := problem(t, <-switched); got != `503 the server is stopping: the override of service "web" is stored, and the next start serves it` {
			t.Error(got)
		}
		h.stop()
		start(t, dir, h.world).serves(backup)
	})
}
