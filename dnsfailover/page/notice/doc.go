// Package notice draws the notice: what a host that is not the site says in the site's place, in the form and the
// language that the client asks for.
//
// A Notice is immutable. Each of its answers, one for a form and a language, is made when it is first asked for and kept
// as octets. What changes with the clock (Date, Retry-After) is not part of it.
//
//	negotiate.go   what the client asked for → form and language
//	words.go       the texts in the languages that are built in
//	html.go        the page, built in or of a template
//	doubts.go      what is doubtful about a template
//	data.go        plain text, JSON, XML
//	picture.go     SVG and PNG, for those who asked for an image
package notice
