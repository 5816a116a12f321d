// Package hold keeps requests waiting for seconds while what answers them restarts, and lets them go when it is back, the
// oldest first.
//
// A [Gate] stands before one upstream. Whoever has a request enters, and leaves when the answer begins. While the gate is open that
// costs one lock. While it is paused, or the upstream was found missing, requests queue, bounded in number, octets
// and time; who finds no place, or has waited for long enough, is told so and shows the notice. Nothing is read of a body
// before its turn: it stays with the client, held back by TCP.
//
// A queue that is let go all at once would fall on an upstream that has just begun to breathe. So only a few of those who
// waited are before it at a time, each until the answer begins or a second is over, and whoever comes meanwhile queues behind
// them. How long an exchange lasts doesn't matter: streams, and clients that are slow by intent, would keep everybody else out.
package hold
