// Package history keeps what has happened: every operator's action, every change of a selection or verdict, every edge of a window.
//
// It only consumes. Control tells it events once they are served, and never waits for it; an operator's acknowledgement does, until
// the action is on the disk or a write has failed. One goroutine writes, about once a second, or at once if somebody waits:
// one fsync for all that has gathered.
//
// The file is a vault of its own beside the state's, so that it can grow, or be damaged or deleted, without an override being at stake.
// It is bounded by age, and by number for each class of events, so that a check that flaps can't push out what an operator did.
// What can't be written waits in memory, bounded too, and Notice tells.
package history
