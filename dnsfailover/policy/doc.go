// Package policy decides what a service serves, as pure functions of its configuration, the verdicts,
// the operator's override, the planned windows and the clock.
//
// [Decide] is the decision at one instant. [Look] evaluates the same decision at each known edge that lies
// ahead, and makes of it the timeline from which queries are answered. [Ledger] follows how long caches
// may hold what was served before. What a target has been through stays with it for an hour: [Flap] makes its way back
// longer (failback.go). Staff gets the first target beside all that (staff.go). Nothing here reads a clock, keeps state or starts a goroutine.
package policy
