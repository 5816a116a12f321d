// Package staff tells who may look behind the notice: clients in chosen networks, and browsers that have once followed a
// secret link.
//
// The link gives the browser a signed cookie for one host, which says until when it is good. Nothing is kept here: whoever
// has the secret checks it, on as many hosts as there are. Another secret takes all cookies back.
package staff
