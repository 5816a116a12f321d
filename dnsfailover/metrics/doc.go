// Package metrics is what the server tells Prometheus.
//
// Nothing is counted here: everything is read when somebody scrapes, from where it is counted
// anyway. The number of series depends on the configuration and never on who asks what.
package metrics
