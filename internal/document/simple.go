package document

import (
	"bytes"
	"sync"

	"golang.org/x/net/html"
)

// heeded are the elements of a body of which more counts than what counts says of any
// element: other attributes, or the name.
var heeded = list("base", "embed", "fencedframe", "frame", "iframe", "link", "meta", "noscript", "object", "portal",
	"script", "style", "template", "textarea", "title")

// simple reports whether a tag, and the text before it, are such as every parser reads
// alike, and no more of the tag counts than its name. There is nothing for the second
// lexer to find then, which takes twice the time of all else and two allocations for each
// attribute: of the tags of common pages nine of ten are simple.
func (s *bodyScan) simple(p piece, text []byte) bool {
	l := &s.lex
	if p != startTag && p != endTag || bytes.IndexByte(text, '<') >= 0 {
		return false
	}
	open := len("<")
	if p == endTag {
		open = len("</")
	}
	// Names that are not common are left to both lexers.
	if name := l.buf[l.start+open : l.nameEnd]; names[string(name)] == "" || heeded.exact[string(name)] {
		return false
	}
	return s.simpleAttributes(l.buf[l.nameEnd:l.look])
}

// simpleAttributes looks at a tag from behind its name to its end: for attributes with
// plain names, without values or with such as have quotes or need none.
func (s *bodyScan) simpleAttributes(rest []byte) bool {
	for range maxAttributes {
		before := len(rest)
		rest = bytes.TrimLeft(rest, " \t\n\r\f")
		if string(rest) == ">" || string(rest) == "/>" {
			return true
		}
		n := plainLength(rest)
		if n == 0 || len(rest) == before || s.counts(rest[:n]) {
			return false
		}
		rest = rest[n:]
		if rest[0] != '=' {
			continue
		}
		rest = rest[1:]
		switch rest[0] {
		case '"', '\'':
			_, rest, _ = bytes.Cut(rest[1:], rest[:1])
		default:
			n = plainLength(rest)
			rest = rest[n:]
			if n == 0 || rest[0] == '/' {
				return false // some take the slash for a part of the value
			}
		}
		if len(rest) == 0 {
			return false
		}
	}
	return false
}

// plainLength returns how many bytes from the first one on are letters, digits, or what
// names are joined with.
func plainLength(b []byte) int {
	for i, c := range b {
		if !isLetter(c) && (c < '0' || c > '9') && c != '-' && c != '_' && c != ':' && c != '.' {
			return i
		}
	}
	return len(b)
}

// counts reports whether an attribute counts whatever element has it.
func (s *bodyScan) counts(name []byte) bool {
	switch name[0] | 0x20 {
	case 'o':
		return hasPrefixFold(name, []byte("on"))
	case 'n':
		return bytes.EqualFold(name, []byte("nonce"))
	case 'i':
		return len(s.stopIDs) > 0
	case 'f':
		return bytes.EqualFold(name, []byte("fetchpriority")) // of an img
	}
	return false
}

// pieceLexer reads pieces of a body with the tokenizer of x/net/html. Pieces end where
// tags and comments do, so it never asks for more than it was given unless it disagrees
// with the first lexer.
type pieceLexer struct {
	*html.Tokenizer
	feed feed
	left int // bytes of what it was given
	read int // bytes in all, for the test of the bound
}

// pieceLexers keeps those that can be used again: each has a buffer of 4 KiB or more.
var pieceLexers = sync.Pool{New: func() any {
	z := new(pieceLexer)
	z.Tokenizer = html.NewTokenizer(&z.feed)
	return z
}}

// close gives the lexer back, if it has read all that it was given.
func (z *pieceLexer) close() {
	if z.left == 0 && !z.feed.ended {
		z.NextIsNotRawText()
		z.feed.b, z.read = nil, 0
		pieceLexers.Put(z)
	}
}

func (z *pieceLexer) give(b []byte) {
	z.feed.b, z.left = b, len(b)
	z.read += len(b)
}

func (z *pieceLexer) next() html.TokenType {
	if z.left <= 0 {
		return html.ErrorToken
	}
	t := z.Next()
	z.left -= len(z.Raw())
	return t
}

// has reports whether the next token is of a type, with so many bytes left behind it.
func (z *pieceLexer) has(t html.TokenType, left int) bool { return z.next() == t && z.left == left }

func (z *pieceLexer) hasStart(name string) bool {
	t := z.next()
	return (t == html.StartTagToken || t == html.SelfClosingTagToken) && z.left == 0 && z.named(name)
}

func (z *pieceLexer) hasEnd(name string) bool { return z.has(html.EndTagToken, 0) && z.named(name) }

func (z *pieceLexer) named(name string) bool {
	second, _ := z.TagName()
	return string(second) == name
}

// raw reads the contents of an element whose start tag it has read, and its end tag. It
// returns how long the contents are.
func (z *pieceLexer) raw(name string) (n int, ok bool) {
	t := z.next()
	if t == html.TextToken {
		n = len(z.Raw())
		t = z.next()
	}
	return n, t == html.EndTagToken && z.left == 0 && z.named(name)
}
