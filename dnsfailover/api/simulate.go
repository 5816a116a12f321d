package api

import "time"

// Supposition is what GET /api/v1/simulate is asked: what would be served at an instant if nothing else happened than this.
// Targets are written as SERVICE/TARGET.
type Supposition struct {
	At time.Time
	// Service is the one to tell of; empty: all.
	Service string
	// Down and Up are targets whose checks find that from now on.
	Down, Up []string
	// Override are targets to which an operator switches now, until released.
	Override []string
}

// Simulation is the answer to GET /api/v1/simulate.
type Simulation struct {
	At time.Time `json:"at"`
	// Now is the instant whose state it starts from.
	Now time.Time `json:"now"`
	// Services are as GET /api/v1/status would tell of them at that instant.
	Services []Service `json:"services"`
}
