// Package document splits the bytes of an HTML document into items.
//
// It guarantees: the items, put together, are the first bytes of the input;
// every item is whole, so a document may be cut after any of them with nothing
// left open but html and head; where the markup is ambiguous, or a browser with
// and one without scripting would read it differently, the items end before it,
// with the reason.
//
// The tokens come from golang.org/x/net/html; this package decides which of them
// belong together. It builds no tree.
package document
