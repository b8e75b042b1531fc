package document

import (
	"bytes"
	"io"
	"slices"

	"golang.org/x/net/html"
)

// secondLexer reads whole items with the tokenizer of x/net/html.
type secondLexer struct {
	tokenizer *html.Tokenizer
	feed      feed
	looked    int // bytes, for the test of the bound
}

// feed gives the tokenizer the items, one after the other. It never asks for more
// than it was given unless it disagrees with the first lexer, or reads text to its end.
type feed struct {
	b     []byte
	ended bool // it asked for more, so it can be used no further
}

func (f *feed) Read(p []byte) (int, error) {
	if len(f.b) == 0 {
		f.ended = true
		return 0, io.EOF
	}
	n := copy(p, f.b)
	f.b = f.b[n:]
	return n, nil
}

// read reads an item, sets its name, and returns the attributes of its first tag
// and the nonces of all. It returns Ambiguous if the item does not end where the
// first lexer says.
func (z *secondLexer) read(item *Item, open *startedItem) (attributes, End) {
	if z.tokenizer == nil {
		z.tokenizer = html.NewTokenizer(&z.feed)
	}
	z.feed.b = item.Raw
	z.looked += len(item.Raw)
	rest := len(item.Raw)
	t := z.next(&rest)
	var a attributes
	switch item.Kind {
	case Comment:
		return a, agree(t == html.CommentToken && rest == 0)
	case Doctype:
		return a, agree(t == html.DoctypeToken && rest == 0)
	default:
	}
	if t != html.StartTagToken && t != html.SelfClosingTagToken {
		return a, Ambiguous
	}
	name, _ := z.tokenizer.TagName()
	if item.Kind == Child {
		item.Name = lowerName(name)
	}
	if a.read(z.tokenizer); a.count > maxAttributes {
		return a, Ambiguous
	}
	if open == nil {
		return a, agree(rest == 0)
	}
	if open.name != item.Name {
		return a, Ambiguous
	}
	return a, z.contents(item, &a, rest)
}

// contents reads an element to its end tag.
func (z *secondLexer) contents(item *Item, a *attributes, rest int) End {
	for depth := 1; ; {
		switch t := z.next(&rest); t {
		case html.ErrorToken:
			return Ambiguous
		case html.TextToken:
			if depth > 1 || item.Name == "template" {
				continue
			}
			text := z.tokenizer.Raw()
			if item.Name == "noscript" && !sameWithoutScripting(text) {
				return NoScript
			}
			a.readsTitle = bytes.Contains(text, []byte(".title"))
		case html.StartTagToken, html.SelfClosingTagToken:
			if item.Name != "template" {
				return Ambiguous
			}
			if name, _ := z.tokenizer.TagName(); string(name) == item.Name {
				depth++
			}
			a.readNonces(z.tokenizer)
		case html.EndTagToken:
			if name, _ := z.tokenizer.TagName(); string(name) == item.Name {
				depth--
			}
			if rest == 0 || depth == 0 {
				return agree(rest == 0 && depth == 0)
			}
		case html.CommentToken, html.DoctypeToken:
			if item.Name != "template" {
				return Ambiguous
			}
		}
	}
}

func (z *secondLexer) next(rest *int) html.TokenType {
	if *rest == 0 {
		return html.ErrorToken
	}
	t := z.tokenizer.Next()
	*rest -= len(z.tokenizer.Raw())
	return t
}

func agree(ok bool) End {
	if ok {
		return ""
	}
	return Ambiguous
}

// sameWithoutScripting reports whether the contents of a noscript in head, raw
// text where scripting is on, are nothing but whole links, metas, styles and
// comments where it is off.
func sameWithoutScripting(raw []byte) bool {
	s := NewScanner(len(raw))
	s.began, s.seen[Head] = true, true
	s.lex.buf = slices.Clip(raw)
	s.Close()
	for {
		item, ok := s.Next()
		if !ok {
			return len(s.Rest()) == 0
		}
		switch {
		case item.Kind == Space, item.Kind == Comment:
		case item.Kind == Child && (item.Name == "link" || item.Name == "meta" || item.Name == "style"):
		default:
			return false
		}
	}
}
