package api

// Push is the body of POST /api/v1/push/{service}/{target}: what a target reports of itself. Without a body it is up.
type Push struct {
	Status string `json:"status,omitempty"` // up, which it is if nothing is said, or down
	Reason string `json:"reason,omitempty"`
}
