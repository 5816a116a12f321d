// Package hooks tells others what has happened: it runs commands and sends signed webhooks.
//
// It only consumes, as the history does, and is never in the way: Add puts an event into the bounded queue of each hook that wants it and returns.
// A hook has one goroutine, so its events go out in order and one at a time. A webhook that fails is tried again with
// growing pauses, for up to an hour; a command runs once. What finds no room, or is given up, is counted and logged, and is in the history all the
// same.
//
// A webhook is a POST of the event as JSON, the document that the history shows, signed as Standard Webhooks has it
// (standardwebhooks.com): webhook-id is the event's ID, webhook-timestamp the second of the attempt, and webhook-signature is "v1," and the
// base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY" with the secret. Redirects are not followed.
//
// A command gets the same document on its standard input, and the most important of it in its environment. Nothing
// of it is left when it has ended or time is up (package program).
package hooks
