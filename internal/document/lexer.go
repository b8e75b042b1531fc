package document

import "bytes"

// lexer finds where pieces of markup end (HTML Standard, section 13.2.5), as far
// as a head may hold them. It looks at each byte once, so that markup may come in
// chunks of any size; only the few bytes that close a piece are compared again.
//
// buf[:look] has been looked at; it begins with the item under way. A piece is a
// tag, a comment, a doctype, a run of white space, or the raw text of an element
// with its end tag.
type lexer struct {
	buf   []byte
	look  int
	state lexState

	start    int    // where in buf the piece under way begins
	endTag   bool   // the tag under way is an end tag
	unquoted bool   // the tag that was found ends with a value without quotes
	nameEnd  int    // where the name of that tag ends in buf
	raw      string // the element whose raw text is read
	escape   escape // how far a script is within <!-- … -->
	inMarkup bool   // text is no piece: inside a template, or in a body
	looked   int    // bytes, of the items taken; for the test of the bound
}

// escape says how the end tag of a script is read (HTML Standard, section
// 13.2.5.18 on).
type escape uint8

const (
	notEscaped    escape = iota
	escaped              // after <!--
	doubleEscaped        // after <!-- … <script: the next </script does not end the script
)

type lexState uint8

const (
	inText lexState = iota
	afterLess
	afterSlash // </
	afterBang  // <!
	inDoctype
	inComment
	inTagName
	beforeAttr
	inAttrName
	afterAttrName
	beforeValue
	inDoubleQuoted
	inSingleQuoted
	inUnquoted
	inRawText
)

// piece is what the lexer found.
type piece uint8

const (
	none     piece = iota // more bytes are needed
	space                 // white space, and something after it
	text                  // text, which ends a head
	startTag              // buf[start:look] is a start tag
	endTag                // … an end tag; of the raw element, if there is one
	comment
	doctype
	badMarkup // what parsers do not agree about
	nullByte
)

// find looks on for the end of the next piece.
func (l *lexer) find() piece {
	for l.look < len(l.buf) {
		l.skip()
		if l.look == len(l.buf) {
			return none
		}
		c := l.buf[l.look]
		if c == 0 {
			return nullByte
		}
		if p := l.step(c); p != none {
			return p
		}
	}
	return none
}

// skip looks at the bytes up to the one that ends a text of markup or a value in quotes:
// most of a page is that, and byte by byte it took as long as all else.
func (l *lexer) skip() {
	var end byte
	switch {
	case l.state == inText && l.inMarkup:
		end = '<'
	case l.state == inDoubleQuoted:
		end = '"'
	case l.state == inSingleQuoted:
		end = '\''
	default:
		return
	}
	rest := l.buf[l.look:]
	if n := bytes.IndexByte(rest, end); n >= 0 {
		rest = rest[:n]
	}
	if n := bytes.IndexByte(rest, 0); n >= 0 {
		rest = rest[:n] // find says so
	}
	l.look += len(rest)
}

// step looks at one byte, and moves on unless the byte belongs to the next piece.
func (l *lexer) step(c byte) piece {
	switch l.state {
	case inText:
		return l.stepText(c)
	case afterLess:
		return l.stepLess(c)
	case afterSlash:
		if !isLetter(c) {
			return badMarkup // a bogus comment, or nothing at all
		}
		l.endTag, l.state = true, inTagName
	case afterBang:
		return l.stepBang()
	case inDoctype:
		l.look++
		if c == '>' {
			return l.done(doctype)
		}
		return none
	case inComment:
		return l.stepComment(c)
	case inRawText:
		return l.stepRaw(c)
	default:
		return l.stepTag(c)
	}
	l.look++
	return none
}

// stepText is for white space between items, and for any text in a template or a
// body.
func (l *lexer) stepText(c byte) piece {
	switch {
	case c == '<':
		if l.look > l.start && !l.inMarkup {
			return space
		}
		l.start = l.look
		l.state = afterLess
	case !l.inMarkup && !isSpace(c):
		if l.look > l.start {
			return space
		}
		return text
	}
	l.look++
	return none
}

func (l *lexer) stepLess(c byte) piece {
	switch {
	case isLetter(c):
		l.endTag, l.state = false, inTagName
	case c == '/':
		l.state = afterSlash
	case c == '!':
		l.state = afterBang
	case c == '?':
		return badMarkup
	case l.inMarkup:
		l.state = inText
		return none
	default:
		return text
	}
	l.look++
	return none
}

// stepBang waits until it is clear what <! begins.
func (l *lexer) stepBang() piece {
	const word = "doctype"
	l.look++
	seen := l.buf[l.start+len("<!") : l.look]
	switch {
	case string(seen) == "-" || len(seen) < len(word) && hasPrefixFold([]byte(word), seen):
	case string(seen) == "--":
		l.state = inComment
	case len(seen) == len(word) && hasPrefixFold(seen, []byte(word)):
		l.state = inDoctype
	default:
		return badMarkup
	}
	return none
}

// stepComment looks for the end of a comment, and for what only some parsers
// take for one: <!-->, <!--->, --!>.
func (l *lexer) stepComment(c byte) piece {
	l.look++
	if c != '>' {
		return none
	}
	seen := l.buf[l.start:l.look]
	switch {
	case string(seen) == "<!-->", string(seen) == "<!--->", bytes.HasSuffix(seen, []byte("--!>")):
		return badMarkup
	case bytes.HasSuffix(seen, []byte("-->")):
		return l.done(comment)
	}
	return none
}

func (l *lexer) stepTag(c byte) piece {
	if l.state == inTagName {
		if !isSpace(c) && c != '/' && c != '>' {
			l.look++
			return none
		}
		l.nameEnd, l.state = l.look, beforeAttr
	}
	l.look++
	switch l.state {
	case inDoubleQuoted:
		if c == '"' {
			l.state = beforeAttr
		}
		return none
	case inSingleQuoted:
		if c == '\'' {
			l.state = beforeAttr
		}
		return none
	default:
	}
	if c == '>' {
		l.unquoted = l.state == inUnquoted
		if l.endTag {
			return l.done(endTag)
		}
		return l.done(startTag)
	}
	switch l.state {
	case beforeAttr:
		if !isSpace(c) && c != '/' {
			l.state = inAttrName // also if it is =
		}
	case inAttrName, afterAttrName:
		switch {
		case c == '=':
			l.state = beforeValue
		case c == '/':
			l.state = beforeAttr
		case isSpace(c):
			l.state = afterAttrName
		default:
			l.state = inAttrName
		}
	case beforeValue:
		switch {
		case c == '"':
			l.state = inDoubleQuoted
		case c == '\'':
			l.state = inSingleQuoted
		case !isSpace(c):
			l.state = inUnquoted
		}
	case inUnquoted:
		if isSpace(c) {
			l.state = beforeAttr
		}
	default:
	}
	return none
}

// stepRaw looks for the end tag of an element whose contents are text.
func (l *lexer) stepRaw(c byte) piece {
	seen := l.buf[l.start:l.look]
	l.look++
	switch {
	case isSpace(c) || c == '/' || c == '>':
		switch {
		case endsWithTag(seen, "</", l.raw):
			if l.escape == doubleEscaped {
				l.escape = escaped
				return none
			}
			l.endTag, l.state = true, beforeAttr
			l.look-- // the byte belongs to the tag
			return l.stepTag(c)
		case l.escape == escaped && endsWithTag(seen, "<", l.raw):
			l.escape = doubleEscaped
		case c == '>' && bytes.HasSuffix(seen, []byte("--")):
			l.escape = notEscaped
		}
	case c == '-' && l.raw == "script" && l.escape == notEscaped && bytes.HasSuffix(seen, []byte("<!-")):
		l.escape = escaped
	}
	return none
}

// enterRaw makes what follows the raw text of an element.
func (l *lexer) enterRaw(name string) {
	l.state, l.raw, l.escape = inRawText, name, notEscaped
	l.start = l.look
}

// done ends a piece at look.
func (l *lexer) done(p piece) piece {
	l.state = inText
	return p
}

// name returns the name of the tag that was found, in lower case.
func (l *lexer) name() string {
	return lowerName(l.buf[l.start+1 : l.nameEnd])
}

// endName returns that of an end tag.
func (l *lexer) endName() string {
	return lowerName(l.buf[l.start+2 : l.nameEnd])
}

// take removes the first n bytes, which made an item.
func (l *lexer) take(n int) {
	l.buf = l.buf[n:]
	l.look -= n
	l.start = l.look
	l.inMarkup = false
	l.looked += n
}

// names are those that need no memory.
var names = map[string]string{}

func init() {
	for _, name := range []string{"html", "head", "meta", "link", "title", "script", "style", "noscript", "template", "body", "base"} {
		names[name] = name
	}
}

func lowerName(b []byte) string {
	if name, ok := names[string(b)]; ok {
		return name
	}
	lowered := make([]byte, len(b))
	for i, c := range b { // not bytes.ToLower, which knows letters beyond ASCII
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lowered[i] = c
	}
	return string(lowered)
}

// endsWithTag reports whether b ends with open and name, in any case.
func endsWithTag(b []byte, open, name string) bool {
	n := len(open) + len(name)
	if len(b) < n {
		return false
	}
	b = b[len(b)-n:]
	return string(b[:len(open)]) == open && bytes.EqualFold(b[len(open):], []byte(name))
}

func hasPrefixFold(b, prefix []byte) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], prefix)
}

// isSpace reports whether c is white space of HTML.
func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
