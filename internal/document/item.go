package document

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
	Kind Kind
	Name string // the element's name in lower case, for a Child
	Raw  []byte // the backend's exact bytes; a part of the input

	// Nonce is set if the element, or one inside it, has a nonce attribute. No
	// nonce may be sent twice, so an opening ends before such an item.
	Nonce bool
	// Async is set for a script with the async attribute. It may run as soon as
	// it is there, and may count on a body that an early head has not yet.
	Async bool
	// Policy is set for <meta http-equiv=content-security-policy>. It would
	// govern what follows it, and so recovery too.
	Policy bool
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
	Foreign    End = "foreign"      // svg or math inside a template
	NoScript   End = "noscript"     // a noscript that ends elsewhere when scripting is off
	SelfClosed End = "self_closing" // <script/> and the like, which do not close
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
	End     End
}
