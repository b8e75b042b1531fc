package document

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// tree follows the open elements of a body as the parser does (HTML Standard,
// section 13.2.6). It knows the cases in which nothing is moved, ignored or opened
// again, and says no to all others; then it must not be used further.
type tree struct {
	open   []openElement // the body element first; none before it
	nodes  []Node        // if they are kept
	count  int           // how many there are, or would be
	first  int           // where the first begins
	keep   bool
	offset int // where the piece at hand begins
	// dropLine is set behind <pre>, where the parser drops a line feed.
	dropLine bool
	// frameset is set while a <frameset> could still take the place of the body:
	// there was no <body>, and nothing to be seen yet.
	frameset bool
}

type openElement struct {
	name  string
	node  int32 // in nodes; of no meaning if the element is in an inert one
	kind  kind
	rows  kind // of template: section if it holds rows, row if cells, body if other elements
	flags flags
}

// top is the current node.
func (t *tree) top() *openElement { return &t.open[len(t.open)-1] }

func (t *tree) pop() { t.open = t.open[:len(t.open)-1] }

// add puts a node into the current node, which a body element has none of.
func (t *tree) add(name string, offset int) {
	parent := int32(-1)
	if len(t.open) > 0 {
		if t.top().flags&inert != 0 {
			return
		}
		parent = t.top().node
	}
	if t.count == 0 {
		t.first = offset
	}
	t.count++
	if t.keep {
		t.nodes = append(t.nodes, Node{name, parent, offset})
	}
}

// drop takes the last node away.
func (t *tree) drop() {
	t.count--
	if t.keep {
		t.nodes = t.nodes[:t.count]
	}
}

// push adds an element and makes it the current node.
func (t *tree) push(name string, k kind) bool {
	if len(t.open) == maxDepth {
		return false
	}
	var outer flags
	if len(t.open) > 0 {
		outer = t.top().flags
	}
	t.add(name, t.offset)
	e := openElement{name: name, kind: k, node: int32(t.count - 1)} //nolint:gosec // as many as bytes of a buffer
	e.flags = outer&^around[k].clears | around[k].sets
	switch name {
	case "a":
		e.flags |= inA
	case "nobr":
		e.flags |= inNobr
	}
	t.open = append(t.open, e)
	t.dropLine = k == preformatted
	return true
}

// plain reports whether the document may be cut here.
func (t *tree) plain() bool {
	return len(t.open) > 0 && !t.frameset && !t.dropLine && t.top().flags&notPlain == 0
}

// text takes in what stands between two tags or comments.
func (t *tree) text(b []byte, offset int) bool {
	blank := isBlank(b)
	if len(t.open) == 0 {
		return blank // it goes to the html element, or begins a body
	}
	if t.dropLine {
		t.dropLine = false
		if b[0] == '&' && strings.TrimLeft(html.UnescapeString(string(b)), "\r\n") != html.UnescapeString(string(b)) {
			return false // browsers and x/net/html differ about &#13;
		}
		n := len(b)
		b = bytes.TrimPrefix(b, []byte("\r"))
		if len(b) < n || b[0] == '\n' {
			b = bytes.TrimPrefix(b, []byte("\n"))
		}
		offset += n - len(b)
		if len(b) == 0 {
			return true
		}
	}
	if t.inRows() && !blank {
		return false // it would go in front of the table
	}
	if !blank && bytes.IndexByte(b, '&') < 0 {
		t.frameset = false
	}
	t.add("#text", offset)
	return true
}

func (t *tree) comment() {
	t.dropLine = false
	if len(t.open) > 0 {
		t.add("#comment", t.offset)
	}
}

// inRows reports whether the current node holds parts of a table and nothing else.
func (t *tree) inRows() bool {
	switch e := t.top(); e.kind {
	case table, section, row, columns:
		return true
	case template:
		return e.rows == section || e.rows == row
	default:
		return false
	}
}

// imply closes elements whose end tags may be left out, up to one with that name.
func (t *tree) imply(except string) {
	for e := t.top(); e.kind.impliedEnd() && e.name != except; e = t.top() {
		t.pop()
	}
}

// closeTop closes the current node if it has that name.
func (t *tree) closeTop(name string) bool {
	if e := t.top(); e.name != name || e.kind == body {
		return false
	}
	t.pop()
	return true
}

// closeP is "close a p element", if one is in button scope.
func (t *tree) closeP() bool {
	if t.top().flags&inP == 0 {
		return true
	}
	t.imply("p")
	return t.closeTop("p")
}

func isBlank(b []byte) bool {
	for _, c := range b {
		if !isSpace(c) {
			return false
		}
	}
	return true
}
