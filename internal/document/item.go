package document

import "slices"

// Kind is the kind of an item.
type Kind uint8

// The kinds, in the order in which they may stand in a document.
const (
	BOM     Kind = iota // the UTF-8 byte order mark
	Doctype             // <!doctype html>
	HTML                // <html …>
	Head                // <head …>
	Child               // one whole child element of head, its end tag included
	Comment             // <!-- … -->
	Space               // white space between the others
)

// Item is one piece of a document.
type Item struct {
	Kind   Kind
	Name   string // the element's name in lower case, for a Child
	Raw    []byte // the backend's exact bytes
	Class  Class
	Traits Traits
	// Slot names what only one item of a page can fill, so that their order counts
	// though that of others does not: the title, an icon, a meta of one name.
	Slot string
}

// End says why the items end where they end.
type End string

// The ends. At HeadEnd and Implied the head is over; at Truncated the input is;
// at the others the document is not understood from there on.
const (
	HeadEnd    End = "head_end"     // before </head>
	Implied    End = "implied"      // before what cannot stand in a head, <body> or text
	Truncated  End = "truncated"    // the input ends inside the head
	Encoding   End = "encoding"     // UTF-16, or a charset that is not ASCII-compatible
	NullByte   End = "null_byte"    // NUL bytes are dropped or replaced, depending on where they stand
	Misplaced  End = "misplaced"    // a tag that the parser ignores or moves: a second <head>, a stray end tag
	BadComment End = "bad_comment"  // a comment whose end is read differently from parser to parser
	Unclosed   End = "unclosed"     // an element that runs into the end of the document
	Foreign    End = "foreign"      // a template with svg, math, or what makes the parser skip raw text
	NoScript   End = "noscript"     // a noscript that ends elsewhere when scripting is off
	SelfClosed End = "self_closing" // <script/> and the like, which do not close
	Ambiguous  End = "ambiguous"    // the two lexers do not agree, or a tag has too many attributes
	TooLong    End = "too_long"     // one item is longer than the limit
	BodyEnd    End = "body_end"     // before </body> or </html>
	Stopped    End = "stopped"      // before what the operator or the page named
	Unmodelled End = "unmodelled"   // before markup whose effect on the open elements is not modelled
)

// Opening is the first part of a document: what stands before the end of its
// head.
type Opening struct {
	Items []Item
	// Size is the length of all items together, in bytes.
	Size int
	// Charset is the encoding that the document names in a BOM or meta element
	// within its first 1024 bytes (HTML Standard, section 13.2.3.2), in lower
	// case, or "".
	Charset string
	// Nonces are the values of all nonce attributes, each once, the first 16.
	Nonces []string
	End    End
}

// ScanHead splits b, the first bytes of a document, into the items of its head.
// complete says that b is the whole document; if it is not, an item that ends
// with b is left out, since more of it may follow. b is not changed; the items
// are parts of it.
func ScanHead(b []byte, complete bool) Opening {
	s := NewScanner(len(b))
	s.lex.buf = slices.Clip(b) // no copy
	if complete {
		s.Close()
	}
	var o Opening
	for {
		item, ok := s.Next()
		if !ok {
			break
		}
		o.Size += len(item.Raw)
		o.Items = append(o.Items, item)
	}
	o.Charset, o.Nonces, o.End = s.charset, s.nonces, s.end
	if o.End == "" {
		o.End = Truncated
	}
	return o
}
