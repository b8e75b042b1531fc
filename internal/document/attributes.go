package document

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// attributes are those of an item's first tag that matter, and what else of the
// item does. Of attributes with the same name the first counts (HTML Standard,
// section 13.2.5.33).
type attributes struct {
	name, property, httpEquiv, charset, content *string // of meta
	rel, blocking                               *string // of link
	kind, language, src, async, defers          *string // of script; kind is type
	handler                                     *string // any event handler
	id                                          *string
	shadow                                      *string // of template: what makes it a shadow root
	priority, loading                           *string // of img; priority is fetchpriority

	count      int
	nonces     []string // of the item, and of elements inside it
	readsTitle bool
}

// field returns where an attribute is kept, or nil.
func (a *attributes) field(key []byte) **string {
	switch string(key) {
	case "name":
		return &a.name
	case "property":
		return &a.property
	case "http-equiv":
		return &a.httpEquiv
	case "charset":
		return &a.charset
	case "content":
		return &a.content
	case "rel":
		return &a.rel
	case "blocking":
		return &a.blocking
	case "type":
		return &a.kind
	case "language":
		return &a.language
	case "src":
		return &a.src
	case "async":
		return &a.async
	case "defer":
		return &a.defers
	case "id":
		return &a.id
	case "fetchpriority":
		return &a.priority
	case "loading":
		return &a.loading
	case "shadowroot", "shadowrootmode":
		return &a.shadow
	}
	if len(key) > 2 && key[0] == 'o' && key[1] == 'n' {
		return &a.handler
	}
	return nil
}

// maxAttributes is how many attributes a tag may have: some of what is done with
// them takes time in the square of their number.
const maxAttributes = 256

// maxContent is how long a content attribute may be that names a charset.
const maxContent = 64

// known are the values that most documents hold; they need no memory.
var known = map[string]*string{}

func init() {
	for _, value := range []string{"", "stylesheet", "icon", "preload", "canonical", "alternate", "module", "text/javascript", "utf-8"} {
		known[value] = &value
	}
}

// read takes in the attributes of a tag.
func (a *attributes) read(z *html.Tokenizer) {
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		a.count++
		if string(key) == "nonce" {
			a.nonces = append(a.nonces, string(value))
			continue
		}
		field := a.field(key)
		if field == nil || *field != nil || field == &a.content && len(value) > maxContent {
			continue
		}
		if *field = known[string(value)]; *field == nil {
			value := string(value)
			*field = &value
		}
	}
}

// readNonces takes in those of a tag inside an item.
func (a *attributes) readNonces(z *html.Tokenizer) {
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		if string(key) == "nonce" {
			a.nonces = append(a.nonces, string(value))
		}
	}
}

// lower returns a value in lower case, "" if there is none.
func lower(value *string) string {
	if value == nil {
		return ""
	}
	return strings.ToLower(*value)
}

// names returns the encoding that a meta element names, in lower case.
func (a *attributes) names() string {
	if charset := strings.TrimSpace(lower(a.charset)); charset != "" {
		return charset
	}
	if lower(a.httpEquiv) != "content-type" {
		return ""
	}
	_, charset, _ := strings.Cut(lower(a.content), "charset=")
	return strings.TrimSpace(charset)
}

// metaName returns the name of a meta element, or its property if it has no name,
// in lower case.
func (a *attributes) metaName() string {
	if name := lower(a.name); name != "" {
		return name
	}
	return lower(a.property)
}

// words is a list of names and beginnings of names.
type words struct {
	exact    map[string]bool
	prefixes []string
}

func list(names ...string) words {
	w := words{exact: make(map[string]bool)}
	for _, name := range names {
		if stem, ok := strings.CutSuffix(name, "*"); ok {
			w.prefixes = append(w.prefixes, stem)
		} else {
			w.exact[name] = true
		}
	}
	return w
}

func (w words) has(name string) bool {
	return w.exact[name] || slices.ContainsFunc(w.prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

func (w words) hasAll(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !w.has(name) })
}

// Attributes returns all attributes of the item's first tag, values decoded; of
// those with the same name the first.
func (i Item) Attributes() (out []html.Attribute) {
	l := lexer{buf: i.Raw}
	if l.find() != startTag {
		return nil
	}
	z := pieceLexers.Get().(*pieceLexer) //nolint:forcetypeassert // there is nothing else in it
	defer z.close()
	z.give(i.Raw[:l.look])
	if !z.hasStart(l.name()) {
		return nil
	}
	for more := true; more; {
		var key, value []byte
		if key, value, more = z.TagAttr(); len(key) > 0 {
			out = append(out, html.Attribute{Key: string(key), Val: string(value)})
		}
	}
	return out
}

// Attribute returns the value of one of them, "" if there is none.
func (i Item) Attribute(key string) string {
	for _, a := range i.Attributes() {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// Text returns the text of a title, style or script, as the browser has it.
func (i Item) Text() string {
	z := html.NewTokenizer(bytes.NewReader(i.Raw))
	z.Next()
	if z.Next() != html.TextToken {
		return ""
	}
	return string(z.Text())
}

// IsASCII reports whether s is the same bytes in every charset that a page may be
// in.
func IsASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c >= 0x80 })
}

// Tag returns a start tag with attributes, whose values should be ASCII.
func Tag(name string, attrs []html.Attribute) []byte {
	b := []byte("<" + name)
	for _, a := range attrs {
		b = append(b, ' ')
		b = append(b, a.Key...)
		b = append(b, `="`...)
		b = append(b, html.EscapeString(a.Val)...)
		b = append(b, '"')
	}
	return append(b, '>')
}
