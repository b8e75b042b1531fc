// Package slowlink is a TCP proxy with the delay and the rate of a slow link, for
// tests and measurements on one machine, where a loopback answers too soon.
//
// It guarantees:
//
//   - What is sent arrives: every byte once and in order, then its FIN, each
//     direction on its own. A reset is passed on as a reset, and may overtake.
//   - Nothing arrives early: a byte needs half a round trip, and the bytes of all
//     connections in one direction share its rate. A delay does not lower the rate.
//   - Bounded memory: 64 KiB for a direction of a connection, and what the link
//     holds during half a round trip; 4 MiB if the rate has no limit.
//   - An end: no goroutine and no connection outlives [Proxy.Close].
//   - No more than that: it loses no packets, has no slow start, and connecting,
//     which the kernel does, takes no round trip.
package slowlink
