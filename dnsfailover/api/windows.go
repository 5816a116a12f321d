package api

import "time"

// Window is a planned period in which a service is switched to a target.
type Window struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	Target  string `json:"target"`
	// Start and End are those of the occurrence that is open or comes next.
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Open   bool      `json:"open"`
	Reason string    `json:"reason"`
	Author string    `json:"author"`
	// Recurring says that the configuration has it, and that it comes again.
	Recurring bool `json:"recurring"`
}
