// Package hints derives Link header values (RFC 8288) from the items of a head,
// so that a browser starts a download before it sees the element that asks for it.
//
// It guarantees: a value stands for exactly the request that the element will
// make, else there is none, for a mismatch would download twice; nothing of a page
// can break out of a value; the values are few and short.
package hints
