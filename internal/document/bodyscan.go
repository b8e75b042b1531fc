package document

import (
	"bytes"
	"slices"

	"golang.org/x/net/html"
)

// bodyScan reads a body, or the contents of a noscript in one. Both lexers go
// through the buffer side by side, and the tree follows what they agree on.
type bodyScan struct {
	lex    lexer
	second *html.Tokenizer
	read   int // bytes that the second lexer has read
	at     int // the end of the last piece; text follows
	tree   *tree
	end    End

	stopNames, stopIDs []string

	attrs     attributes // of the start tag at hand, or of the raw element under way
	rawStart  int        // where that element begins
	contained Traits     // of what is in the template under way, or in this noscript
	pending   Mark       // of the template under way

	points []Point
	marks  []Mark
	nonces []string
	// What there was at the last point.
	lastNode, lastMark, lastNonce int
}

func newBodyScan(b []byte, t *tree) *bodyScan {
	s := &bodyScan{tree: t, second: html.NewTokenizer(bytes.NewReader(b))}
	s.lex.buf, s.lex.inMarkup = b, true
	return s
}

// body returns what was found, up to the last point.
func (s *bodyScan) body() Body {
	if len(s.points) == 0 {
		return Body{End: s.end}
	}
	n := s.points[len(s.points)-1].Offset
	return Body{
		Bytes:  s.lex.buf[:n:n],
		Points: s.points,
		Marks:  slices.Clip(s.marks[:s.lastMark]),
		Nodes:  slices.Clip(s.tree.nodes[:s.lastNode]),
		Nonces: slices.Clip(s.nonces[:s.lastNonce]),
		End:    s.end,
	}
}

// run reads until the end, or until more bytes would be needed.
func (s *bodyScan) run() {
	for s.end == "" {
		p := s.lex.find()
		if p == none {
			return
		}
		if s.end = s.take(p); s.end != "" {
			return
		}
		s.at = s.lex.look
		if s.lex.raw == "" && s.tree.plain() {
			if len(s.points) == maxPoints {
				s.end = Unmodelled
				return
			}
			s.points = append(s.points, Point{s.at, s.tree.top().node})
			s.lastNode, s.lastMark, s.lastNonce = len(s.tree.nodes), len(s.marks), len(s.nonces)
		}
	}
}

// take handles a piece, and the text in front of it.
func (s *bodyScan) take(p piece) End {
	l := &s.lex
	switch p {
	case nullByte:
		return NullByte
	case badMarkup:
		return BadComment
	default:
	}
	if l.raw != "" {
		return s.endRaw()
	}
	if l.start > s.at {
		if s.next() != html.TextToken || s.read != l.start {
			return Ambiguous
		}
		if !s.tree.text(l.buf[s.at:l.start], s.at) {
			return Unmodelled
		}
	}
	s.tree.offset = l.start
	switch p {
	case comment:
		return s.comment()
	case startTag:
		return s.startTag(l.name())
	case endTag:
		return s.endTag(l.endName())
	default:
		return Unmodelled
	}
}

// next returns the next token of the second lexer.
func (s *bodyScan) next() html.TokenType {
	t := s.second.Next()
	s.read += len(s.second.Raw())
	return t
}

func (s *bodyScan) comment() End {
	if s.next() != html.CommentToken || s.read != s.lex.look {
		return Ambiguous
	}
	if !s.inert() && isStop(s.lex.buf[s.lex.start:s.lex.look]) {
		return Stopped
	}
	s.tree.comment()
	return ""
}

// inert reports whether the piece at hand is in a template or noscript.
func (s *bodyScan) inert() bool {
	return len(s.tree.open) > 0 && s.tree.top().flags&inert != 0
}

func (s *bodyScan) startTag(name string) End {
	if t := s.next(); t != html.StartTagToken && t != html.SelfClosingTagToken || s.read != s.lex.look {
		return Ambiguous
	}
	if second, _ := s.second.TagName(); string(second) != name {
		return Ambiguous
	}
	s.attrs = attributes{}
	a := &s.attrs
	if a.read(s.second); a.count > maxAttributes {
		return Ambiguous
	}
	inert := s.inert()
	if !inert && (slices.Contains(s.stopNames, name) || a.id != nil && slices.Contains(s.stopIDs, *a.id)) {
		return Stopped
	}
	k := kindOf[name]
	slash := s.lex.buf[s.lex.look-2] == '/'
	switch inSVG := len(s.tree.open) > 0 && s.tree.top().kind == foreign; {
	case k == template && a.shadow != nil:
		return Unmodelled
	case (inSVG || k == foreign) && slash && s.lex.unquoted:
		return Ambiguous // a slash at the end of a value: x/net/html takes it for that of the tag
	case inSVG:
		s.second.NextIsNotRawText()
	case (k == raw || k == noscript) && slash:
		return SelfClosed
	}
	traits := bodyTraits(name, *a)
	if name == "img" && !inert && a.urgent() && (len(s.tree.open) == 0 || s.tree.top().name != "picture") {
		traits |= Urgent
	}
	if !s.tree.start(name, slash) {
		return Unmodelled
	}
	s.collect(a.nonces)
	switch {
	case k == raw || k == noscript:
		s.rawStart = s.lex.start
		s.lex.enterRaw(name)
	case k == template && !inert:
		s.pending = Mark{s.lex.start, traits}
		s.contained = 0
	default:
		s.mark(s.lex.start, traits)
	}
	return ""
}

// urgent reports whether an img is wanted at once.
func (a *attributes) urgent() bool {
	return lower(a.priority) == "high" && (a.loading == nil || lower(a.loading) == "eager")
}

func (s *bodyScan) endTag(name string) End {
	if s.next() != html.EndTagToken || s.read != s.lex.look {
		return Ambiguous
	}
	if second, _ := s.second.TagName(); string(second) != name {
		return Ambiguous
	}
	switch name {
	case "head":
		if s.lex.start == 0 {
			return ""
		}
	case "body", "html":
		if len(s.tree.open) > 0 && s.tree.top().flags&outOfScope != 0 {
			return Unmodelled
		}
		return BodyEnd
	}
	inert := s.inert()
	if !s.tree.end(name) {
		return Unmodelled
	}
	if inert && !s.inert() { // the end of a template
		s.mark(s.pending.Offset, s.pending.Traits|outside(s.contained))
	}
	return ""
}

// endRaw completes a raw element.
func (s *bodyScan) endRaw() End {
	l := &s.lex
	name := l.raw
	l.raw = ""
	var contents []byte
	t := s.next()
	if t == html.TextToken {
		contents = s.second.Raw()
		s.attrs.readsTitle = bytes.Contains(contents, []byte(".title"))
		contents = l.buf[s.read-len(contents) : s.read]
		t = s.next()
	}
	if t != html.EndTagToken || s.read != l.look {
		return Ambiguous
	}
	if second, _ := s.second.TagName(); string(second) != name {
		return Ambiguous
	}
	traits := bodyTraits(name, s.attrs)
	if name == "noscript" {
		contained, ok := s.noscript(contents)
		if !ok {
			return NoScript
		}
		traits |= outside(contained)
	}
	s.mark(s.rawStart, traits)
	return ""
}

// noscript reads the contents of a noscript as markup, which they are where
// scripting is off, and reports whether they leave the tree as it was. It returns
// the traits of what they hold.
func (s *bodyScan) noscript(contents []byte) (Traits, bool) {
	if s.inert() || bytes.IndexByte(contents, '<') < 0 {
		return 0, !s.inert()
	}
	depth := len(s.tree.open)
	if !s.tree.push("noscript", noscript) {
		return 0, false
	}
	// The node is there already.
	s.tree.nodes = s.tree.nodes[:len(s.tree.nodes)-1]
	in := newBodyScan(contents, s.tree)
	in.run()
	if in.end != "" || in.lex.state != inText || in.lex.raw != "" {
		return 0, false
	}
	if rest := contents[in.at:]; len(rest) > 0 {
		if in.next() != html.TextToken || in.read != len(contents) || !s.tree.text(rest, 0) {
			return 0, false
		}
	}
	if len(s.tree.open) != depth+1 || !s.tree.closeTop("noscript") {
		return 0, false
	}
	s.collect(in.nonces)
	return in.contained, true
}

// mark keeps the traits of an element that has any.
func (s *bodyScan) mark(offset int, t Traits) {
	switch {
	case t == 0:
	case s.inert():
		s.contained |= t
	default:
		s.marks = append(s.marks, Mark{offset, t})
	}
}

func (s *bodyScan) collect(nonces []string) {
	for _, nonce := range nonces {
		if len(s.nonces) < maxNonces && !slices.Contains(s.nonces, nonce) {
			s.nonces = append(s.nonces, nonce)
		}
	}
}

// fixedElements cannot be taken out of a page without a trace.
var fixedElements = list("base", "embed", "fencedframe", "frame", "iframe", "object", "portal")

// bodyTraits are the traits of an element that count in a body.
func bodyTraits(name string, a attributes) Traits {
	_, t := classify(Item{Kind: Child, Name: name}, a)
	t &= Script | Runs | Async | ReadsTitle | Styles | Ordered | Nonce | Charset | Policy
	if a.handler != nil {
		t |= Handler | Fixed
	}
	if t&Script != 0 || fixedElements.has(name) || name == "meta" && (a.httpEquiv != nil || barrierMetas.has(lower(a.name))) {
		t |= Fixed
	}
	return t
}

// outside are the traits of a template or noscript for what it holds.
func outside(contained Traits) Traits {
	if contained == 0 {
		return 0
	}
	return contained&Nonce | Fixed
}
