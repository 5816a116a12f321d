// Package state keeps on disk what must survive a crash: overrides, what each service served last, and the
// counters of the checks.
//
// It is one bbolt file in the state directory, written by one goroutine. An override is on the disk when
// [Store.PutOverride] returns; all else is collected and written about once a second. Everything is also held in
// memory, so that a file that is lost or spoilt under way is written anew.
//
// The file is a vault: what is damaged is moved aside, what of it is whole goes into a new file, and [Store.Notice] tells.
//
// A state directory that can't be used leaves a store that works in memory, says so, refuses overrides, and tries again.
package state
