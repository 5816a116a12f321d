// Package api is the vocabulary of the HTTP API: the documents that the server sends and
// takes, and a client that speaks it over the control socket.
package api

import "time"

// Status is the answer to GET /api/v1/status.
type Status struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Ready says that DNS is served with current data; Problems say what is amiss, one sentence each.
	Ready    bool      `json:"ready"`
	Problems []string  `json:"problems"`
	Zones    []Zone    `json:"zones"`
	Services []Service `json:"services"`
	Guards   []Guard   `json:"guards"`
}

// Zone is the state of one zone.
type Zone struct {
	Name   string    `json:"name"`
	Serial uint32    `json:"serial"`
	Loaded time.Time `json:"loaded"`
	// Problem is why the file was not taken at the last reload; empty if it was.
	Problem string `json:"problem,omitempty"`
}

// Service is the state of one service.
type Service struct {
	Name    string   `json:"name"`
	Records []string `json:"records"`
	// Serving is the name of the selected target; empty if all are down and the policy is none.
	Serving string `json:"serving"`
	// Answers are the addresses served now.
	Answers []string `json:"answers"`
	// Rule is the decision's rule: override, window, frozen, verdicts or all_down. Reason says it in words.
	Rule   string    `json:"rule"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// TTL is that of an answer given now, in seconds.
	TTL        uint32      `json:"ttl"`
	DrainedAt  *time.Time  `json:"drained_at"` // no correct cache holds the previous selection from then on; null if there was none
	Override   *Override   `json:"override"`
	Window     *Window     `json:"window"`      // the one that is open, also underneath an override; null if there is none
	NextWindow *Window     `json:"next_window"` // the one that starts next; null if there is none
	NextChange *NextChange `json:"next_change"`
	// Ahead are the known changes from then on, the next one included: in the answers to a dry run and a simulation.
	Ahead   []NextChange `json:"ahead,omitempty"`
	Targets []Target     `json:"targets"`
}

// Override is an operator's switch of a service to a target.
type Override struct {
	Target string     `json:"target"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until"` // null: until released
	Reason string     `json:"reason"`
	Author string     `json:"author"`
}

// NextChange is the next known change of a selection.
type NextChange struct {
	At      time.Time `json:"at"`
	Serving string    `json:"serving"`
	Reason  string    `json:"reason"`
	// DrainedAt is the instant from which no correct cache will hold what is served now: the start of a window that was planned
	// in time, and a second after another edge.
	DrainedAt time.Time `json:"drained_at"`
}

// Target is the state of one target.
type Target struct {
	Name      string    `json:"name"`
	Verdict   string    `json:"verdict"`
	Addresses []Address `json:"addresses"`
	// Flaps is how often the service left the target in the last hour because it was down, FlapsTotal since the server has started.
	Flaps      int    `json:"flaps"`
	FlapsTotal uint64 `json:"flaps_total"`
}

// Address is the state of one address of a target.
type Address struct {
	Address     string     `json:"address"`
	Verdict     string     `json:"verdict"`
	Since       *time.Time `json:"since"`
	LastResult  string     `json:"last_result"`
	Warning     string     `json:"warning,omitempty"` // what the last result, a success, was not happy about
	Consecutive int        `json:"consecutive"`
	LatencyMS   float64    `json:"latency_ms"`
	Checked     bool       `json:"checked"` // false: no check, counts as up
	// Frozen says why the verdict is kept whatever probes say; empty if it isn't.
	Frozen string `json:"frozen,omitempty"`
	// Checks are there if several watch the address; Need of them must be up for it to be up.
	Checks []Check `json:"checks,omitempty"`
	Need   int     `json:"need,omitempty"`
}

// Check is the state of one of several checks.
type Check struct {
	Name        string     `json:"name"`
	Verdict     string     `json:"verdict"`
	Since       *time.Time `json:"since"`
	LastResult  string     `json:"last_result"`
	Warning     string     `json:"warning,omitempty"`
	Consecutive int        `json:"consecutive"`
	LatencyMS   float64    `json:"latency_ms"`
	Frozen      string     `json:"frozen,omitempty"`
}

// Guard is the state of the canaries, or of a check that others require.
type Guard struct {
	Name    string  `json:"name"` // canaries, or the check's
	Verdict string  `json:"verdict"`
	Checks  []Check `json:"checks"`
	// FrozenSince is since when the verdicts of what it stands before are kept as they were; null if they aren't.
	FrozenSince *time.Time `json:"frozen_since"`
}

// Why is the answer to GET /api/v1/why.
type Why struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Rcode  string   `json:"rcode"`
	Answer []string `json:"answer"` // records in presentation format
	// Authority are the records beside the answer, such as the SOA of a negative one or the NS of a delegation.
	Authority []string `json:"authority"`
	Zone      string   `json:"zone"`
	Service   string   `json:"service,omitempty"`
	// NextChange is the next known change of what the service serves; null if none is known.
	NextChange *NextChange `json:"next_change"`
	Steps      []Step      `json:"steps"`
}

// Step is one rule that was looked at on the way to an answer.
type Step struct {
	Rule    string `json:"rule"`
	Applies bool   `json:"applies"`
	Text    string `json:"text"`
}

// Switch is the body of POST /api/v1/services/{service}/switch. Exactly one of For, Until and UntilReleased is set.
type Switch struct {
	Target        string     `json:"target"`
	For           float64    `json:"for,omitempty"` // seconds
	Until         *time.Time `json:"until,omitempty"`
	UntilReleased bool       `json:"until_released,omitempty"`
	Reason        string     `json:"reason,omitempty"`
	// Author is kept only if the server knows no better: over the control socket it is the peer's user, with a token the token's name.
	Author string `json:"author,omitempty"`
	Force  bool   `json:"force,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// Reload is the answer to POST /api/v1/reload.
type Reload struct {
	// Changed says that something was taken; if not, everything is served as before.
	Changed bool `json:"changed"`
	// Problems that kept something from being taken, and warnings, one line each.
	Problems []string `json:"problems"`
	Warnings []string `json:"warnings"`
}

// Problem is an error (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return p.Detail }
