// Package config reads the configuration: a YAML file in, a checked Config out.
//
// It goes in five steps, a file for each:
//
//	syntax.go    bytes → one YAML document; what YAML itself objects to, in our words and at the right line
//	raw.go       document → what the file looks like: every key known, every value of its kind (values.go)
//	defaults.go  fills in whatever was left out; the only place that knows a default
//	rules.go     what must hold; the only place that knows a rule between values
//	build.go     → what the program means, after which nobody parses anything again
//
// Each step goes on after a mistake, so that one run finds all of them. A value that was wrong once is marked
// and not complained about again by a rule that builds on it.
//
// Anchors, aliases, merge keys and tags are refused: `defaults` does what they are used for, and without them no
// small file can grow large in memory.
package config
