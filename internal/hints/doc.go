// Package hints knows the downloads and connections that a page asks for, and says
// them in Link header values (RFC 8288), so that a browser starts them before it sees
// the elements that ask for them.
//
// It guarantees: a value stands for exactly the request that the page will make, else
// there is none, for a mismatch downloads twice; nothing of a page or of a backend's
// header can break out of a value, for all are parsed and written anew; the values
// that go out together are few and short, each once, the most urgent first.
package hints
