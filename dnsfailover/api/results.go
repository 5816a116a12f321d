package api

import "time"

// Results is the answer to GET /api/v1/results: the latest results of the checks of a service.
type Results struct {
	Service string         `json:"service"`
	Checks  []CheckResults `json:"checks"`
}

// CheckResults are the latest results of one check, at most 50, the latest first.
type CheckResults struct {
	Check   string       `json:"check"`
	Target  string       `json:"target"`
	Address string       `json:"address"`
	Results []PastResult `json:"results"`
}

// PastResult is what one probe came to.
type PastResult struct {
	At time.Time `json:"at"`
	// Result is success, failure, or inconclusive: then it counted for nothing.
	Result  string  `json:"result"`
	TookMS  float64 `json:"took_ms"`
	Reason  string  `json:"reason"`
	Warning string  `json:"warning,omitempty"`
}
