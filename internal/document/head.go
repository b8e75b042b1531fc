package document

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// prescan is how far a browser looks for a meta charset (HTML Standard, section
// 13.2.3.2 "determining the character encoding").
const prescan = 1024

var (
	bomUTF8    = []byte("\xef\xbb\xbf")
	bomUTF16BE = []byte("\xfe\xff")
	bomUTF16LE = []byte("\xff\xfe")
)

// ScanHead splits b, the first bytes of a document, into the items of its head.
// complete says that b is the whole document; if it is not, an item that ends
// with b is left out, since more of it may follow. b is not changed; the items
// are parts of it.
func ScanHead(b []byte, complete bool) Opening {
	s := scanner{input: b, complete: complete}
	if bytes.HasPrefix(b, bomUTF16BE) || bytes.HasPrefix(b, bomUTF16LE) {
		s.out.End = Encoding
		return s.out
	}
	if bytes.HasPrefix(b, bomUTF8) {
		s.out.Charset = "utf-8"
		s.pos = len(bomUTF8)
		s.emit(Item{Kind: BOM})
	}
	s.tokenizer = html.NewTokenizer(bytes.NewReader(b[s.pos:]))
	for s.out.End == "" {
		s.out.End = s.item()
	}
	return s.out
}

// scanner holds the state of one ScanHead.
//
// input[:out.Size] are the emitted items, input[out.Size:pos] the tokens read of
// the item under way. Every token moves pos on by the length of its Raw, so a
// token's bytes are always a part of input and need no copy.
type scanner struct {
	input     []byte
	complete  bool
	pos       int
	tokenizer *html.Tokenizer
	out       Opening

	// seen says which of the kinds that may stand once are past. The head is
	// past its start with <head> or with the first child.
	seen [Head + 1]bool
}

// next reads one token and returns its type and bytes. Markup that the input
// breaks off, which the tokenizer may still take for a token, is an ErrorToken.
func (s *scanner) next() (html.TokenType, []byte) {
	t := s.tokenizer.Next()
	start := s.pos
	s.pos += len(s.tokenizer.Raw())
	raw := s.input[start:s.pos]
	if t != html.TextToken && !bytes.HasSuffix(raw, []byte(">")) {
		t = html.ErrorToken
	}
	return t, raw
}

// emit appends the item that ends at pos.
func (s *scanner) emit(item Item) {
	item.Raw = s.input[s.out.Size:s.pos:s.pos]
	s.out.Size = s.pos
	s.out.Items = append(s.out.Items, item)
	if item.Kind <= Head {
		s.seen[item.Kind] = true
	}
}

// item reads one item and returns why there is none, or "".
func (s *scanner) item() End {
	t, raw := s.next()
	if bytes.IndexByte(raw, 0) >= 0 {
		return NullByte
	}
	if t == html.ErrorToken || (!s.complete && s.pos == len(s.input)) {
		return Truncated
	}
	switch t {
	case html.TextToken:
		return s.text(raw)
	case html.CommentToken:
		if !plainComment(raw) {
			return BadComment
		}
		s.emit(Item{Kind: Comment})
	case html.DoctypeToken:
		if s.seen[Doctype] || s.seen[HTML] || s.seen[Head] {
			return Misplaced
		}
		s.emit(Item{Kind: Doctype})
	case html.StartTagToken, html.SelfClosingTagToken:
		return s.startTag(t == html.SelfClosingTagToken)
	case html.EndTagToken:
		name, _ := s.tokenizer.TagName()
		if string(name) == "head" {
			return HeadEnd
		}
		return Misplaced
	default:
	}
	return ""
}

// text handles white space, and text that ends the head. The tokenizer gives
// white space and the text after it as one token; only the space is kept.
func (s *scanner) text(raw []byte) End {
	rest := bytes.TrimLeft(raw, " \t\n\r\f")
	s.pos -= len(rest)
	if len(rest) < len(raw) {
		s.emit(Item{Kind: Space})
	}
	if len(rest) > 0 {
		return Implied
	}
	return ""
}

// startTag handles a start tag and, for a child of head, all up to its end.
func (s *scanner) startTag(selfClosing bool) End {
	nameBytes, _ := s.tokenizer.TagName()
	name := string(nameBytes)
	attrs := s.attributes()
	switch name {
	case "html":
		if s.seen[HTML] || s.seen[Head] {
			return Misplaced
		}
		s.emit(Item{Kind: HTML})
		return ""
	case "head":
		if s.seen[Head] {
			return Misplaced
		}
		s.emit(Item{Kind: Head})
		return ""
	}
	item := Item{Kind: Child, Name: name, Nonce: attrs.nonce, Async: name == "script" && attrs.async}
	switch name {
	case "base", "basefont", "bgsound", "link":
	case "meta":
		item.Policy = attrs.policy
		if s.out.Charset == "" && s.pos <= prescan {
			s.out.Charset = attrs.charset
		}
	case "title", "style", "script", "noscript", "noframes", "template":
		if selfClosing {
			return SelfClosed
		}
		if end := s.element(&item); end != "" {
			return end
		}
	default:
		return Implied
	}
	s.emit(item)
	s.seen[Head] = true
	return ""
}

// element reads on to the end tag of a child of head.
func (s *scanner) element(item *Item) End {
	if item.Name == "template" {
		return s.template(item)
	}
	// The contents are one raw text token, or none if they are empty.
	for {
		t, raw := s.next()
		switch {
		case bytes.IndexByte(raw, 0) >= 0:
			return NullByte
		case t == html.ErrorToken:
			return s.unclosed()
		case t == html.TextToken:
			if item.Name == "noscript" && !sameWithoutScripting(raw) {
				return NoScript
			}
		case t == html.EndTagToken:
			return s.closed()
		default:
			return Misplaced // the tokenizer did not take the contents as text
		}
	}
}

// template reads on to the end tag of a template, past templates inside it.
func (s *scanner) template(item *Item) End {
	for depth := 1; depth > 0; {
		t, raw := s.next()
		if bytes.IndexByte(raw, 0) >= 0 {
			return NullByte
		}
		switch t {
		case html.ErrorToken:
			return s.unclosed()
		case html.CommentToken:
			if !plainComment(raw) {
				return BadComment
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := s.tokenizer.TagName()
			switch string(name) {
			case "template":
				depth++
			case "svg", "math", "plaintext":
				// In there style and title are no raw text, which the
				// tokenizer does not know.
				return Foreign
			case "noscript":
				return NoScript
			}
			item.Nonce = item.Nonce || s.attributes().nonce
		case html.EndTagToken:
			if name, _ := s.tokenizer.TagName(); string(name) == "template" {
				depth--
			}
		default:
		}
	}
	return s.closed()
}

// closed is the end of an element: if nothing follows it in an incomplete
// input, even its end tag may be incomplete.
func (s *scanner) closed() End {
	if !s.complete && s.pos == len(s.input) {
		return Truncated
	}
	return ""
}

func (s *scanner) unclosed() End {
	if s.complete {
		return Unclosed
	}
	return Truncated
}

// attributes are what matters here of a start tag's attributes.
type attributes struct {
	nonce   bool
	async   bool
	policy  bool
	charset string
}

func (s *scanner) attributes() (a attributes) {
	var equiv, content string
	for more := true; more; {
		var key, value []byte
		key, value, more = s.tokenizer.TagAttr()
		switch string(key) {
		case "nonce":
			a.nonce = true
		case "async":
			a.async = true
		case "http-equiv":
			equiv = strings.ToLower(string(value))
		case "content":
			content = strings.ToLower(string(value))
		case "charset":
			a.charset = strings.ToLower(strings.TrimSpace(string(value)))
		}
	}
	a.policy = strings.HasPrefix(equiv, "content-security-policy")
	if equiv == "content-type" && a.charset == "" {
		_, a.charset, _ = strings.Cut(content, "charset=")
		a.charset = strings.TrimSpace(a.charset)
	}
	return a
}

// plainComment reports whether every parser sees the end of a comment where it
// is: no <!-->, <!--->, --!>, no bogus comment such as <?xml … ?>.
func plainComment(raw []byte) bool {
	inner, ok := bytes.CutPrefix(raw, []byte("<!--"))
	if !ok {
		return false
	}
	inner, ok = bytes.CutSuffix(inner, []byte("-->"))
	return ok && !bytes.HasPrefix(inner, []byte(">")) && !bytes.HasPrefix(inner, []byte("->")) &&
		!bytes.Contains(inner, []byte("--!>"))
}

// sameWithoutScripting reports whether the contents of a noscript in head, raw
// text where scripting is on, are nothing but whole links, metas, styles and
// comments where it is off.
func sameWithoutScripting(raw []byte) bool {
	z := html.NewTokenizer(bytes.NewReader(raw))
	inStyle := false
	for {
		t := z.Next()
		token := z.Raw()
		switch t {
		case html.ErrorToken:
			return !inStyle && len(token) == 0
		case html.CommentToken:
			if !plainComment(token) {
				return false
			}
		case html.TextToken:
			// A < that is no tag would take in the end tag that follows.
			if !inStyle && len(bytes.Trim(token, " \t\n\r\f")) > 0 {
				return false
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "link", "meta":
			case "style":
				inStyle = true
			default:
				return false
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if string(name) != "style" || !inStyle {
				return false
			}
			inStyle = false
		default:
			return false
		}
	}
}
