package domtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// ErrNotParsed is wrapped by errors about a page that the tree builder refuses,
// as it does when more than 512 elements are open. Of such a page the oracle
// can say nothing; a fuzz test skips it.
var ErrNotParsed = errors.New("the tree builder refuses the page")

// bom is the UTF-8 byte order mark. Browsers drop one before they tokenize
// (Encoding Standard, decode); x/net/html takes it for text, which opens a body.
var bom = []byte("\xef\xbb\xbf")

// Parse returns the document tree of b as a browser with scripts on would build
// it. One byte order mark is dropped, and of attributes that an element has
// twice the first counts (HTML section 13.2.5.33), which x/net/html leaves to
// its caller. The error wraps ErrNotParsed.
func Parse(b []byte) (*html.Node, error) {
	b = bytes.TrimPrefix(b, bom)
	doc, err := html.ParseWithOptions(bytes.NewReader(b), html.ParseOptionEnableScripting(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotParsed, err)
	}
	for n := range doc.Descendants() {
		n.Attr = firstAttrs(n.Attr)
	}
	return doc, nil
}

// firstAttrs drops attributes whose name came before.
func firstAttrs(attrs []html.Attribute) []html.Attribute {
	var first []html.Attribute
	for _, a := range attrs {
		if !slices.ContainsFunc(first, func(b html.Attribute) bool {
			return a.Namespace == b.Namespace && a.Key == b.Key
		}) {
			first = append(first, a)
		}
	}
	return first
}

// page is a document taken apart. Parse leaves none of html, head and body nil,
// but a tree made otherwise may.
type page struct {
	doctype *html.Node // nil: quirks mode
	html    *html.Node
	head    *html.Node
	body    *html.Node   // the body, or a frameset
	inner   []*html.Node // behind the body, inside html
	outer   []*html.Node // behind html
}

func takeApart(doc *html.Node) page {
	var p page
	for n := range doc.ChildNodes() {
		switch {
		case n.Type == html.DoctypeNode:
			p.doctype = n
		case n.Type == html.ElementNode && p.html == nil:
			p.html = n
		case p.html != nil && !isSpace(n):
			p.outer = append(p.outer, n)
		}
	}
	if p.html == nil {
		return p
	}
	for n := range p.html.ChildNodes() {
		switch {
		case isElement(n, atom.Head) && p.head == nil:
			p.head = n
		case (isElement(n, atom.Body) || isElement(n, atom.Frameset)) && p.body == nil:
			p.body = n
		case p.body != nil && !isSpace(n):
			p.inner = append(p.inner, n)
		}
	}
	return p
}

func isElement(n *html.Node, tag atom.Atom) bool {
	return n.Type == html.ElementNode && n.Namespace == "" && n.DataAtom == tag
}

// space is ASCII whitespace (Infra Standard), which is less than Unicode's.
const space = "\t\n\f\r "

func isSpace(n *html.Node) bool {
	return n.Type == html.TextNode && strings.Trim(n.Data, space) == ""
}

// attr returns the value of an attribute and whether n has it.
func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// childNodes returns n's children; none if n is nil.
func childNodes(n *html.Node) []*html.Node {
	if n == nil {
		return nil
	}
	return slices.Collect(n.ChildNodes())
}

// rels returns the tokens of a rel attribute in lower case.
func rels(n *html.Node) []string {
	rel, _ := attr(n, "rel")
	return strings.FieldsFunc(strings.ToLower(rel), func(r rune) bool {
		return strings.ContainsRune(space, r)
	})
}
