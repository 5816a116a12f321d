// Package checks observes targets: it runs probes on a schedule and turns their results into verdicts.
//
// A [Check] says what is tested and how often; a [Probe] executes it once. Probes dial a configured address and never
// resolve a name: a name that fails over would lead the probe of the primary to the backup, whose maintenance page
// answers well. The [Scheduler] runs all checks, each probe on its own goroutine under its own deadline, and feeds every
// result to [State.Observe], which is plain arithmetic. Only transitions leave the scheduler: a healthy target that stays
// healthy costs a counter, and a place among its check's latest results.
//
// # Probes
//
//	http.go   [HTTPProbe]: HTTP/1.1 and 2 (httpwire.go), rules for the body (httpbody.go, jsonpath.go)
//	tcp.go    [TCPProbe], [TLSProbe]: connect, say something, hear something
//	tls.go    [TLS]: what all that speak TLS want of it
//	grpc.go   [GRPCProbe]: the health protocol
//	dns.go    [DNSProbe]: a question to a nameserver
//	icmp.go   [ICMPProbe]: an echo request
//	exec.go   [ExecProbe]: a program, as Nagios has them (package program runs it)
//	file.go   [FileProbe]: a file that something else keeps fresh
//	push.go   [PushProbe]: what the target says of itself
//
// Each gives the same [Result]. A reason is in an operator's words (reason.go), fit to be shown (clean), and without what
// the probe holds in secret, even where the server repeats that (secret.go). What the far side can send is bounded
// everywhere: headers and bodies to 64 KiB unless somebody wants more, a program's output to as much.
//
// # Schedule
//
// Checks with the same interval share a lane, and a lane is one gocron job. Its tick is a fiftieth of the
// interval, but 10 to 100 ms. On each tick the lane sets a timer for each check that is due before the next one; it never counts
// ticks, so a missed tick makes a probe late and nothing else. At most half as many probes are under way as files may be open, and
// 8192: what finds no room waits in the order in which it was due, and turns that it misses are counted as shed. A check has one due time, set when its
// latest probe ended, so that no two of its probes overlap and none piles up while the machine sleeps.
//
// While nothing is wrong, a check is due once in every interval, at a phase that is derived from its ID,
// give or take 5 %: two starts are at most 1.1 intervals apart. While its verdict is unknown, or its
// latest results contradict the verdict, it is due a recheck after the start of its latest probe, without
// jitter, or as soon as that probe has ended. [WorstDetection] follows from these numbers.
//
// Measured on one core of a virtual EPYC: 10,000 checks at an interval of 1 s whose probes do nothing take 10 % of it
// (BenchmarkScheduler). 10,000 HTTP checks at 5 s and 10,000 TCP checks at 1 s, of which a crowded machine came to 7,500 to
// 8,900 a second, took 61 to 68 µs each, which makes 73 to 82 % of a core for all 12,000, and 240 to 280 MiB (BenchmarkScale).
// Over half of that is the kernel's, which opens and closes connections, and on loopback plays both ends. One probe takes, alone
// and its peer left out (BenchmarkProbe):
//
//	icmp 31 µs    tcp 35 µs    dns 48 µs    http 100 µs    grpc 210 µs    tls 650 µs    https 670 µs    http2 780 µs    exec 690 µs
//
// # Locks
//
// Set, Round, Run's begin and its end exclude each other by Scheduler.mu. A lane's queue has its own lock,
// held for heap operations only. A runner's lock is held while a result is judged and reported, which is
// why nothing is reported of a check that Set has removed. Snapshot and States take no lock.
package checks
