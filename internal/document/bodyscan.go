package document

import (
	"bytes"
	"slices"

	"golang.org/x/net/html"
)

// bodyScan reads a body, or the contents of a noscript in one. The second lexer gets
// what is not simple, and the tree follows what both agree on.
type bodyScan struct {
	lex    lexer
	second *pieceLexer // nil until there is something for it
	at     int         // the end of the last piece; text follows
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
	s := &bodyScan{tree: t}
	s.lex.buf, s.lex.inMarkup = b, true
	return s
}

// give gives the second lexer the next bytes to read.
func (s *bodyScan) give(b []byte) {
	if s.second == nil {
		s.second = pieceLexers.Get().(*pieceLexer) //nolint:forcetypeassert // there is nothing else in it
	}
	s.second.give(b)
}

// close ends the reading.
func (s *bodyScan) close() {
	if s.second != nil {
		s.second.close()
		s.second = nil
	}
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
		Nodes:  slices.Clip(s.tree.nodes[:min(s.lastNode, len(s.tree.nodes))]),
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
			s.lastNode, s.lastMark, s.lastNonce = s.tree.count, len(s.marks), len(s.nonces)
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
	text := l.buf[s.at:l.start]
	simple := s.simple(p, text)
	if !simple {
		s.give(l.buf[s.at:l.look])
		if len(text) > 0 && !s.second.has(html.TextToken, l.look-l.start) {
			return Ambiguous
		}
	}
	if len(text) > 0 && !s.tree.text(text, s.at) {
		return Unmodelled
	}
	s.tree.offset = l.start
	switch p {
	case comment:
		return s.comment()
	case startTag:
		return s.startTag(l.name(), simple)
	case endTag:
		return s.endTag(l.endName(), simple)
	default:
		return Unmodelled
	}
}

func (s *bodyScan) comment() End {
	if !s.second.has(html.CommentToken, 0) {
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

func (s *bodyScan) startTag(name string, simple bool) End {
	a := &s.attrs
	*a = attributes{}
	if !simple {
		if !s.second.hasStart(name) {
			return Ambiguous
		}
		if a.read(s.second.Tokenizer); a.count > maxAttributes {
			return Ambiguous
		}
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
	case inSVG && !simple:
		s.second.NextIsNotRawText()
	case (k == raw || k == noscript) && slash:
		return SelfClosed
	}
	var traits Traits
	if !simple {
		traits = bodyTraits(name, *a)
	}
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

func (s *bodyScan) endTag(name string, simple bool) End {
	if !simple && !s.second.hasEnd(name) {
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
	s.give(l.buf[s.at:l.look])
	n, ok := s.second.raw(name)
	if !ok {
		return Ambiguous
	}
	contents := l.buf[s.at : s.at+n]
	s.attrs.readsTitle = bytes.Contains(contents, []byte(".title"))
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
	s.tree.drop()
	in := newBodyScan(contents, s.tree)
	in.run()
	defer in.close()
	if in.end != "" || in.lex.state != inText || in.lex.raw != "" {
		return 0, false
	}
	if rest := contents[in.at:]; len(rest) > 0 {
		in.give(rest)
		if !in.second.has(html.TextToken, 0) || !s.tree.text(rest, 0) {
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
