// Package document splits the bytes of an HTML document into items.
//
// It guarantees: the items, put together, are the first bytes of the input;
// every item is whole, so a document may be cut after any of them with nothing
// left open but html and head; where the markup is ambiguous, or a browser with
// and one without scripting would read it differently, the items end before it,
// with the reason; chunking changes nothing, and each byte of a head is looked at no
// more than twice. It builds no tree.
//
// A document goes through two lexers. The first, lexer.go, is ours: it takes bytes
// as they come and finds where an item ends, looking at each byte once. The
// second is the tokenizer of golang.org/x/net/html, which reads each whole item
// once and says what it is. Where they do not agree, the items end.
//
// Behind the head, [ScanBody] finds the points at which the body may be cut, and
// what the parser has made of it there. It reads one buffer with both lexers side by
// side, noscript contents with them once more as markup, and follows the open
// elements (tree.go, treetags.go, treetable.go) by the tables in elements.go. The
// model is part of what parsers do: good nesting, and end tags that may be left out.
// It ends before the first tag that a parser would ignore or move, or that parsers
// treat in more than one way. It guarantees: cut at a point, html.Parse of x/net/html
// has the same elements open, and has made the same nodes, with scripting and
// without.
//
// What an item does in a page, and so what may be sent before or after what, is
// a table: class.go.
//
// The calls of a Scanner: Write any number of times, Next until it has no more
// after each Write, Close once, Next again.
package document
