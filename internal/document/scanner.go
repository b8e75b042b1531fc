package document

import (
	"bytes"
	"slices"
)

// prescan is how far a browser looks for a meta charset (HTML Standard, section
// 13.2.3.2 "determining the character encoding"), in bytes.
const prescan = 1024

var (
	bomUTF8    = []byte("\xef\xbb\xbf")
	bomUTF16BE = []byte("\xfe\xff")
	bomUTF16LE = []byte("\xff\xfe")
)

// maxNonces is how many values of nonce attributes are collected: more than any
// page can have for good reasons.
const maxNonces = 16

// Scanner splits a document that comes in chunks. It ends with the head: what
// follows stays in Rest.
type Scanner struct {
	lex      lexer
	limit    int // the longest item
	closed   bool
	end      End
	position int // of the next item in the document

	// The item under way, if its first tag is read.
	open  *startedItem
	depth int // of templates, with the outermost; 0 outside

	// seen says which of the kinds that may stand once are past. The head is
	// past its start with <head> or with the first child.
	seen    [Head + 1]bool
	began   bool // the first item was looked for
	charset string
	nonces  []string

	known  func(raw []byte) (Item, bool) // may be nil
	second secondLexer
}

// startedItem is an element of which the start tag is read.
type startedItem struct {
	name    string
	skipped bool // inside a template: something that makes the parser skip elements
}

// NewScanner returns a Scanner for a document, with the longest item that it
// takes, in bytes.
func NewScanner(limit int) *Scanner {
	return &Scanner{limit: limit}
}

// Resume tells the Scanner, before its first Write, that an item stood before
// what it gets.
func (s *Scanner) Resume(item Item) {
	s.began = true
	s.position += len(item.Raw)
	s.saw(item.Kind)
}

// Know gives the Scanner items that were scanned before. One with the same bytes
// is the same item, and is not read again. Charset and nonces are not collected
// from it.
func (s *Scanner) Know(known func(raw []byte) (Item, bool)) { s.known = known }

func (s *Scanner) saw(k Kind) {
	if k <= Head {
		s.seen[k] = true
	}
	if k == Child {
		s.seen[Head] = true
	}
}

// Write adds the next chunk. p is copied.
func (s *Scanner) Write(p []byte) { s.lex.buf = append(s.lex.buf, p...) }

// Close says that the document is complete.
func (s *Scanner) Close() { s.closed = true }

// InHead reports whether the head has begun: by its tag, or by a child.
func (s *Scanner) InHead() bool { return s.seen[Head] }

// End returns why there are no more items, "" while there may be.
func (s *Scanner) End() End { return s.end }

// Rest returns the bytes that were written and are in none of the items yet.
func (s *Scanner) Rest() []byte { return s.lex.buf }

// Next returns the next whole item. ok is false if more bytes are needed, or if
// there is none: then End says why.
func (s *Scanner) Next() (item Item, ok bool) {
	if s.end != "" {
		return Item{}, false
	}
	if !s.began {
		item, ok := s.begin()
		if ok || !s.began {
			return item, ok
		}
	}
	for s.end == "" {
		p := s.lex.find()
		if p == none {
			return s.starve()
		}
		kind, whole := s.judge(p)
		if whole {
			return s.emit(kind)
		}
	}
	return Item{}, false
}

// begin looks for a byte order mark.
func (s *Scanner) begin() (item Item, ok bool) {
	b := s.lex.buf
	if len(b) < len(bomUTF8) && !s.closed && (bytes.HasPrefix(bomUTF8, b) || bytes.HasPrefix(bomUTF16BE, b) || bytes.HasPrefix(bomUTF16LE, b)) {
		return Item{}, false
	}
	s.began = true
	switch {
	case bytes.HasPrefix(b, bomUTF16BE), bytes.HasPrefix(b, bomUTF16LE):
		s.end = Encoding
	case bytes.HasPrefix(b, bomUTF8):
		s.charset = "utf-8"
		s.lex.look = len(bomUTF8)
		return s.emit(BOM)
	}
	return Item{}, false
}

// starve is for when the lexer has no more bytes.
func (s *Scanner) starve() (item Item, ok bool) {
	switch {
	case s.closed && s.open != nil:
		s.end = Unclosed
	case s.closed && s.lex.state == inText && len(s.lex.buf) > 0:
		return s.emit(Space)
	case s.closed:
		s.end = Truncated
	case len(s.lex.buf) > s.limit:
		s.end = TooLong
	}
	return Item{}, false
}

// judge says what a piece means for the item under way: whole if it completes
// an item, whose kind it returns.
func (s *Scanner) judge(p piece) (kind Kind, whole bool) {
	l := &s.lex
	switch p {
	case nullByte:
		s.end = NullByte
	case badMarkup:
		s.end = BadComment
	case text:
		s.end = Implied
	case space:
		return Space, true
	case comment:
		if s.open == nil {
			return Comment, true
		}
	case doctype:
		if s.open != nil || s.seen[Doctype] || s.seen[HTML] || s.seen[Head] {
			s.end = Misplaced
		}
		return Doctype, s.end == ""
	case startTag:
		if s.open != nil {
			s.insideTemplate(l.name())
			return Child, false
		}
		return s.startTag(l.name())
	case endTag:
		return Child, s.endTag()
	case none:
	}
	return Child, false
}

// startTag handles a start tag in a head.
func (s *Scanner) startTag(name string) (kind Kind, whole bool) {
	switch name {
	case "html":
		if s.seen[HTML] || s.seen[Head] {
			s.end = Misplaced
		}
		return HTML, s.end == ""
	case "head":
		if s.seen[Head] {
			s.end = Misplaced
		}
		return Head, s.end == ""
	case "base", "basefont", "bgsound", "link", "meta":
		return Child, true
	case "title", "style", "script", "noscript", "noframes":
		if s.lex.buf[s.lex.look-2] == '/' {
			s.end = SelfClosed
		}
		s.open = &startedItem{name: name}
		s.lex.enterRaw(name)
	case "template":
		s.open = &startedItem{name: name}
		s.lex.inMarkup = true
		s.depth = 1
	default:
		s.end = Implied
	}
	return Child, false
}

// insideTemplate handles a start tag within a template.
func (s *Scanner) insideTemplate(name string) {
	switch name {
	case "template":
		s.depth++
	case "svg", "math", "plaintext":
		// In there style and title are no raw text, which the lexers do not know.
		s.end = Foreign
	case "select", "col", "colgroup", "frameset":
		s.open.skipped = true
	case "noscript":
		s.end = NoScript
	case "title", "textarea", "style", "script", "xmp", "iframe", "noembed", "noframes":
		if s.open.skipped {
			s.end = Foreign // the parser may ignore the tag, and read on as markup
		}
		s.lex.enterRaw(name)
	}
}

// endTag handles an end tag, and reports whether it completes an item.
func (s *Scanner) endTag() bool {
	l := &s.lex
	if l.raw != "" { // the end of raw text
		l.raw = ""
		return s.depth == 0
	}
	switch name := l.endName(); {
	case s.open != nil:
		if name == "template" {
			s.depth--
		}
		return s.depth == 0
	case name == "head":
		s.end = HeadEnd
	default:
		s.end = Misplaced
	}
	return false
}

// emit makes an item of what has been looked at, once the second lexer agrees.
func (s *Scanner) emit(kind Kind) (item Item, ok bool) {
	n := s.lex.look
	if s.known != nil {
		if item, ok = s.known(s.lex.buf[:n]); ok && item.Kind == kind {
			s.pass(item)
			return item, true
		}
	}
	item = Item{Kind: kind, Raw: s.lex.buf[:n:n]}
	var attrs attributes
	if kind != BOM && kind != Space {
		if attrs, s.end = s.second.read(&item, s.open); s.end != "" {
			return Item{}, false
		}
	}
	s.pass(item)
	item.Class, item.Traits = classify(item, attrs)
	item.Slot = slotOf(item, attrs)
	for _, nonce := range attrs.nonces {
		if len(s.nonces) < maxNonces && !slices.Contains(s.nonces, nonce) {
			s.nonces = append(s.nonces, nonce)
		}
	}
	if item.Name == "meta" && s.charset == "" && s.position <= prescan {
		s.charset = attrs.names()
	}
	return item, true
}

// pass moves on behind an item.
func (s *Scanner) pass(item Item) {
	s.open = nil
	s.lex.take(s.lex.look)
	s.position += len(item.Raw)
	s.saw(item.Kind)
}
