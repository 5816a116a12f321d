// Package vault keeps values in a bbolt file that nobody has to trust.
//
// A damaged file can't end the process. bbolt maps the file and trusts it: a flipped bit can make it fault in a goroutine
// of its own or recurse without end, and neither can be recovered from. So a file is read by [Read], which believes
// nothing, before bbolt sees it; each value carries a checksum. What is damaged is an [Unusable]: whoever owns the file moves it
// aside with [Quarantine] and puts what of it is whole into a new one with [Create].
//
// A disk that is full or gone is no damage: it is [Trouble], after which writing is tried again.
package vault
