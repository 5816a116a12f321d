package api

import "time"

// Kinds of events.
const (
	EventStarted = "started" // the server answers queries
	EventStopped = "stopped" // it was told to stop
	EventReload  = "reload"  // configuration and zones were read again

	EventSwitch       = "switch"        // an operator has overridden a service
	EventRelease      = "release"       // an operator has ended an override, or a wait for failback
	EventOverrideEnd  = "override_end"  // the time of an override is over
	EventOverrideKept = "override_kept" // the server has started with an override that was set before
	EventWindowAdd    = "window_add"    // an operator has planned a window
	EventWindowCancel = "window_cancel" // an operator has cancelled one
	EventWindowStart  = "window_start"  // a window has begun
	EventWindowEnd    = "window_end"    // a window is over
	EventSelection    = "selection"     // a service serves something else
	EventVerdict      = "verdict"       // the verdict of a check has changed
	EventFrozen       = "frozen"        // verdicts count no longer: it is we who are cut off
	EventThawed       = "thawed"        // they count again
)

// Event is one thing that has happened. The history keeps events, hooks pass them on.
type Event struct {
	// ID grows from event to event: it is the microsecond since 1970 at which the event was taken down, or the next one that was free.
	ID      uint64    `json:"id"`
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`
	Service string    `json:"service,omitempty"`
	Target  string    `json:"target,omitempty"`
	Check   string    `json:"check,omitempty"`  // its ID, for verdicts
	Window  string    `json:"window,omitempty"` // its ID
	// Author is who acted; empty if nobody did.
	Author string `json:"author,omitempty"`
	// Text says it in one sentence.
	Text string `json:"text"`
	// Planned says that it happened in or by a planned window.
	Planned bool `json:"planned,omitempty"`
	// Changes are what a reload has changed, one phrase each.
	Changes []string `json:"changes,omitempty"`
	Before  *Facts   `json:"before,omitempty"`
	After   *Facts   `json:"after,omitempty"`
}

// Facts are what an event has changed, as they were before it or are after it; what it didn't touch is empty.
type Facts struct {
	Serving  *string   `json:"serving,omitempty"` // the name of a target; "" if nothing was served
	Answers  []string  `json:"answers,omitempty"`
	Rule     string    `json:"rule,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Override *Override `json:"override,omitempty"`
	Verdict  string    `json:"verdict,omitempty"`
	Config   string    `json:"config,omitempty"` // the SHA-256 of the configuration file
}

// Kinds returns all kinds of events.
func Kinds() []string {
	return []string{
		EventStarted, EventStopped, EventReload, EventSwitch, EventRelease, EventOverrideEnd, EventOverrideKept,
		EventWindowAdd, EventWindowCancel, EventWindowStart, EventWindowEnd, EventSelection, EventVerdict, EventFrozen, EventThawed,
	}
}

// History is the answer to GET /api/v1/history.
type History struct {
	// Events in the order in which they were taken down.
	Events []Event `json:"events"`
	// More says that there are others: newer ones if the query says where to begin, older ones if it wants the latest.
	More bool `json:"more"`
}

// HistoryQuery says which events are wanted: the oldest Limit from After or Since on, or else the latest Limit.
type HistoryQuery struct {
	Service, Check string    // empty: of all
	Kinds          []string  // empty: all
	Since, Until   time.Time // zero: no bound; Until is not included
	After          uint64    // events with a greater ID
	Limit          int
}
