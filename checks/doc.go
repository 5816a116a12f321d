// Package checks observes targets: it runs probes on a schedule and turns their results into verdicts.
//
// A [Check] says what is tested and how often; a [Probe] executes it once. [HTTPProbe] and [TCPProbe]
// dial a configured address and never resolve a name: a name that fails over would lead the probe of the
// primary to the backup, whose maintenance page answers well. The [Scheduler] runs all checks, each probe
// on its own goroutine under its own deadline, and feeds every result to [State.Observe], which is plain
// arithmetic. Only transitions leave the scheduler: a healthy target that stays healthy costs a counter.
//
// # Schedule
//
// Checks with the same interval share a lane, and a lane is one gocron job. Its tick is a fiftieth of the
// interval, but 10 to 100 ms. On each tick the lane starts what is due by the clock; it never counts
// ticks, so a missed tick makes a probe late and nothing else. A check has one due time, set when its
// latest probe ended, so that no two of its probes overlap and none piles up while the machine sleeps.
//
// While nothing is wrong, a check is due once in every interval, at a phase that is derived from its ID,
// give or take 5 %: two starts are at most 1.1 intervals apart. While its verdict is unknown, or its
// latest results contradict the verdict, it is due a recheck after the start of its latest probe, without
// jitter, or as soon as that probe has ended. [WorstDetection] follows from these numbers.
//
// Measured: 10,000 checks at an interval of 1 s whose probes do nothing take 8 % of a core (BenchmarkScheduler).
//
// # Locks
//
// Set, Round, Run's begin and its end exclude each other by Scheduler.mu. A lane's queue has its own lock,
// held for heap operations only. A runner's lock is held while a result is judged and reported, which is
// why nothing is reported of a check that Set has removed. Snapshot and States take no lock.
package checks
