package api

import "time"

// Window is a planned period in which a service is switched to a target.
type Window struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	Target  string `json:"target"`
	// Start and End are those of the occurrence that is open or comes next.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Open  bool      `json:"open"`
	// HoldsFrom is the instant from which no correct cache points elsewhere: the start, or later if it was planned too late for that.
	HoldsFrom time.Time  `json:"holds_from"`
	Reason    string     `json:"reason"`
	Author    string     `json:"author"`
	Since     *time.Time `json:"since"` // when it was planned; null for one of the configuration
	// Problems say what is doubtful about it, one sentence each.
	Problems []string `json:"problems"`
	// Recurring says that the configuration has it, and that it comes again: by Cron in Timezone, at Next after this one.
	Recurring bool         `json:"recurring"`
	Cron      string       `json:"cron,omitempty"`
	Timezone  string       `json:"timezone,omitempty"`
	Next      []Occurrence `json:"next,omitempty"`
	// Preview is what would be served and when, in the answer to a dry run.
	Preview []Preview `json:"preview,omitempty"`
}

// Occurrence is one of a recurring window.
type Occurrence struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Preview is what would be served from an instant on.
type Preview struct {
	At      time.Time `json:"at"`
	Serving string    `json:"serving"`
	Answers []string  `json:"answers"`
	TTL     uint32    `json:"ttl"` // at that instant, in seconds
	Rule    string    `json:"rule"`
	Reason  string    `json:"reason"`
}

// Windows is the answer to GET /api/v1/windows: all that are open or still to come, by start.
type Windows struct {
	Windows []Window `json:"windows"`
}

// NewWindow is the body of POST /api/v1/windows. Exactly one of For and End is set.
type NewWindow struct {
	Service string     `json:"service"`
	Target  string     `json:"target"`
	Start   time.Time  `json:"start"`
	For     float64    `json:"for,omitempty"` // seconds
	End     *time.Time `json:"end,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	// Author is kept only if the server knows no better, as in Switch.
	Author string `json:"author,omitempty"`
	// Force plans it though something is doubtful about it and the service's guard is refuse.
	Force  bool `json:"force,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`
}
