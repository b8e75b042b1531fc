// Package testorigin is a scripted slow or broken backend for tests: a real
// HTTP/1.1 server on a loopback port whose answers are lists of steps.
//
// It guarantees:
//
//   - Order without sleeps. A step that waits for a [Gate] tells when a request
//     has arrived there, and goes on only when the gate opens. What a step has
//     written is on the wire before the next step begins.
//   - The truth about requests. Every request is recorded as it came in, with
//     body and trailers, whether or not a script exists for it.
//   - Any answer, also a bad one: informational responses, trailers, single
//     bytes, resets, early ends, silence, or bytes that are not HTTP.
//   - An end. Every step is bounded by [StepTimeout] and by [Origin.Close], so
//     that a failing test fails and never hangs; no goroutine outlives Close.
package testorigin
