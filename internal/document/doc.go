// Package document splits the bytes of an HTML document into items.
//
// It guarantees: the items, put together, are the first bytes of the input;
// every item is whole, so a document may be cut after any of them with nothing
// left open but html and head; where the markup is ambiguous, or a browser with
// and one without scripting would read it differently, the items end before it,
// with the reason; chunking changes nothing, and each byte is looked at no more
// than twice. It builds no tree.
//
// A document goes through two lexers. The first, lexer.go, is ours: it takes bytes
// as they come and finds where an item ends, looking at each byte once. The
// second is the tokenizer of golang.org/x/net/html, which reads each whole item
// once and says what it is. Where they do not agree, the items end.
//
// What an item does in a page, and so what may be sent before or after what, is
// a table: class.go.
//
// The calls of a Scanner: Write any number of times, Next until it has no more
// after each Write, Close once, Next again.
package document
