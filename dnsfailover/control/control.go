package control

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/state"
	"dnsfailover/zones"
)

// World is what a configuration and its zone files were compiled into: all that control decides over.
type World struct {
	Config *config.Config
	Set    *zones.Set
	Slots  map[string]*zones.Slot // by service
}

// Store keeps what must survive a crash; package state implements it.
type Store interface {
	// Contents returns what the store held when it was opened.
	Contents() state.Contents
	// PutOverride and DeleteOverride return without error once a crash can't undo them. With one, what was
	// there before is there still. ctx bounds only the time until the write begins.
	PutOverride(ctx context.Context, service string, o state.Override) error
	DeleteOverride(ctx context.Context, service string) error
	// PutWindow and DeleteWindow are as durable. The number of a window is never given to another one.
	PutWindow(ctx context.Context, id string, number int, w state.Window) error
	DeleteWindow(ctx context.Context, id string) error
	// StoreSelection is as durable as PutOverride.
	StoreSelection(ctx context.Context, service string, s state.Selection) error
	// The others don't wait for the disk. DropOverride deletes an override if it is still o.
	DropOverride(service string, o state.Override)
	DropWindow(id string)
	PutSelection(service string, s state.Selection)
	PutChecks(established map[string]state.Check)
	KeepChecks(keep func(id string) bool)
	DropSelection(service string)
}

// Options are what New needs.
type Options struct {
	Log   *slog.Logger
	Store Store
	// Probes are those whose transitions are reported; nil if every verdict is to be believed as it comes.
	Probes Probes
	// Events takes what has happened, in order, once it is served; it must not block. Nil: nobody wants to know.
	Events func(events []api.Event)
	// Recorded returns when what Events was given is on the disk, or can't be put there for now. An operator's
	// change is acknowledged after that. Nil: nothing is waited for.
	Recorded func(ctx context.Context)
}

// Control is the single writer. Everybody else reads what it published.
type Control struct {
	log      *slog.Logger
	store    Store
	probes   Probes
	guarding bool // there are probes
	listen   func([]api.Event)
	recorded func(context.Context)

	queue    queue                 // of transitions
	commands chan func()           // run by control's goroutine
	stopped  chan struct{}         // closed when that ends
	operator chan struct{}         // holds one token while an operator's change is stored and served, or a world replaced
	board    atomic.Pointer[board] // what was published

	// Owned by control's goroutine.
	services   []*managed // in the order of the configuration
	byName     map[string]*managed
	places     *places
	overrides  map[string]state.Override // of all services, also of those that are not there
	windows    map[string]state.Window   // the one-shot ones by ID, also of services that are not there
	lastWindow int                       // the number of the latest one
	alive      time.Time                 // the last instant at which the server before is known to have run
	selections map[string]state.Selection
	doubts
	events []api.Event // that nobody was told yet
}

var errStopped = errors.New("the server is stopping")

// maxSleep bounds how late control follows a known edge when the wall clock is set forward. What is served and
// shown is not late: both go by the clock.
const maxSleep = time.Minute

// New returns a control for world, with the overrides and last selections that the store remembers, and with all slots filled.
func New(world World, opt Options) *Control {
	c := &Control{
		log: opt.Log, store: opt.Store, probes: opt.Probes, guarding: opt.Probes != nil, doubts: newDoubts(), listen: opt.Events, recorded: opt.Recorded,
		queue:    newQueue(),
		commands: make(chan func()), stopped: make(chan struct{}), operator: make(chan struct{}, 1),
		selections: map[string]state.Selection{},
	}
	if c.listen == nil {
		c.listen = func([]api.Event) {}
	}
	if c.recorded == nil {
		c.recorded = func(context.Context) {}
	}
	if !c.guarding {
		c.probes = unguarded{}
	}
	c.restore(world, time.Now())
	c.report()
	return c
}

// Run decides until ctx ends.
func (c *Control) Run(ctx context.Context) error {
	defer close(c.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.queue.signal:
			c.observe(c.queue.take())
		case command := <-c.commands:
			command()
		case <-timer.C:
		}
		sleep := c.wake()
		c.report()
		timer.Reset(sleep)
	}
}

// Report takes a transition. It never blocks.
func (c *Control) Report(t checks.Transition) { c.queue.put(t) }

// do has f run by control's goroutine and returns when it has.
func (c *Control) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case c.commands <- func() { defer close(done); f(); c.report() }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.stopped:
		return errStopped
	}
}
