// Package cron reads a schedule in the five fields of crontab(5) and tells when it comes due in a time zone.
//
// The fields are minute, hour, day of the month, month and day of the week: numbers, names of three letters, *, ranges,
// steps and lists. A day of the week may have an ordinal, as in TUE#2, the second Tuesday of a month. If both kinds
// of day are restricted, either is enough.
//
// Where a time zone sets its clocks on, a local time that does not exist is read with the offset before the gap, and one that
// comes twice is the first (RFC 5545 section 3.3.5); where every hour is asked for, it is both. So no occurrence is lost
// to a gap, and none is doubled. Everything is a function of the instant that is asked about: nothing here keeps time.
package cron
