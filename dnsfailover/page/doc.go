// Package page is the maintenance page host: the backup that names point at.
//
// It goes the same way as the rest: a world is compiled from the configuration; one goroutine (keeper.go) learns what is planned and decides
// what each site does now; connections only read. A site shows its notice, passes requests on to its primary, or holds them.
//
//	page.go      the host: listen, run
//	reload.go    another configuration
//	world.go     the sites, by the names that clients ask for
//	keeper.go    what each site does now: from commands, a file, the configuration and a dnsfailover that knows what is planned
//	source.go    what that dnsfailover says, and for how long it is believed
//	plain.go     the answer to a plain request, from memory (package front)
//	handler.go   all other requests
//	rule.go      what is done below a path
//	upstream.go  passing on to a primary by its address
//	flow.go      for how long a request that is passed on may last; one whose body is malformed
//	control.go   pause, resume and stop
//	said.go      what was said by them, kept over restarts and reloads
//	orphan.go    what was said of sites that are gone
//
// Sub-packages: notice draws what is shown, front is the door, staff tells who may look behind, pass passes on, hold keeps requests waiting, files
// serves a directory, accesslog writes down who asked, seldom
// keeps strangers from filling the log.
//
// Certificates come from files. When they come from ACME one day, that is a tls.Config.GetCertificate beside the one in tls.go.
package page
