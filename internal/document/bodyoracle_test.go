package document

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/domtest"
)

// The judge of these tests is the tree builder of x/net/html: it gets the document
// up to a point and a mark behind it.

const markTag = "<i-x></i-x>"

// opaque are the elements whose contents have no nodes in a Body.
var opaque = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Textarea: true, atom.Iframe: true, atom.Noscript: true, atom.Template: true,
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// scanDocument scans a whole document. at is where its Body begins, if it has one.
func scanDocument(doc []byte, complete bool) (got Body, at int, ok bool) {
	head := ScanHead(doc, complete)
	if head.End != HeadEnd && head.End != Implied {
		return Body{}, 0, false
	}
	return ScanBody(doc[head.Size:], complete, nil), head.Size, true
}

// checkBody is the property of every document, looked at in no more than most of
// its points. pick returns a number below n. It returns the number of points.
func checkBody(t fataler, doc []byte, most int, pick func(n int) int) int {
	t.Helper()
	got, at, ok := scanDocument(doc, true)
	if !ok {
		return 0
	}
	checkShape(t, doc, at, got)
	if len(got.Points) == 0 {
		return 0
	}
	last := len(got.Points) - 1
	checkPoint(t, doc, at, got, last)
	if len(got.Points) <= most {
		for i := range last {
			checkPoint(t, doc, at, got, i)
		}
	} else {
		for range most {
			checkPoint(t, doc, at, got, pick(len(got.Points)))
		}
	}
	checkTruncated(t, doc, at, got, at+pick(len(doc)-at+1))
	return len(got.Points)
}

// checkShape checks what needs no second opinion.
func checkShape(t fataler, doc []byte, at int, got Body) {
	t.Helper()
	if len(got.Points) == 0 {
		if len(got.Bytes)+len(got.Marks)+len(got.Nodes)+len(got.Nonces) > 0 {
			t.Fatalf("%q: no points, but %+v", doc, got)
		}
		return
	}
	if !bytes.HasPrefix(doc[at:], got.Bytes) || len(got.Bytes) != got.Points[len(got.Points)-1].Offset {
		t.Fatalf("%q: the bytes are %q", doc, got.Bytes)
	}
	for i, p := range got.Points {
		if i > 0 && p.Offset <= got.Points[i-1].Offset || got.Bytes[p.Offset-1] != '>' {
			t.Fatalf("%q: points %v", doc, got.Points)
		}
	}
	for i, n := range got.Nodes {
		if i > 0 && (n.Offset < got.Nodes[i-1].Offset || n.Parent < 0) || int(n.Parent) >= i {
			t.Fatalf("%q: nodes %v", doc, got.Nodes)
		}
	}
	for i, m := range got.Marks {
		if i > 0 && m.Offset <= got.Marks[i-1].Offset || got.Bytes[m.Offset] != '<' || m.Traits == 0 {
			t.Fatalf("%q: marks %v", doc, got.Marks)
		}
	}
}

// checkTruncated scans the first n bytes.
func checkTruncated(t fataler, doc []byte, at int, whole Body, n int) {
	t.Helper()
	got := ScanBody(doc[at:n], false, nil)
	if len(got.Points) > len(whole.Points) {
		t.Fatalf("%q: of the first %d bytes there are %d points, of all %d", doc, n, len(got.Points), len(whole.Points))
	}
	for i, p := range whole.Points {
		if at+p.Offset > n {
			break
		}
		if i >= len(got.Points) || got.Points[i] != p {
			t.Fatalf("%q: of the first %d bytes the points are %v, of all %v", doc, n, got.Points, whole.Points)
		}
	}
	for i, node := range got.Nodes {
		if whole.Nodes[i] != node {
			t.Fatalf("%q: of the first %d bytes node %d is %v, of all %v", doc, n, i, node, whole.Nodes[i])
		}
	}
}

// checkPoint asks the tree builder about a point.
func checkPoint(t fataler, doc []byte, at int, got Body, i int) {
	t.Helper()
	p := got.Points[i]
	cut := doc[:at+p.Offset]
	chain := openAt(got, p)
	for _, scripting := range []bool{true, false} {
		body, mark := parseCut(t, cut, "", scripting)
		if names := ancestors(mark); strings.Join(names, " ") != strings.Join(chain, " ") {
			t.Fatalf("%q: cut behind %q, the open elements are %v, got %v (scripting %v)", doc, cut, names, chain, scripting)
		}
		var want []Node
		flatten(body, -1, mark, &want)
		for j, n := range got.Nodes {
			if n.Offset >= p.Offset {
				break
			}
			if j >= len(want) || want[j].Name != n.Name || want[j].Parent != n.Parent {
				t.Fatalf("%q: cut behind %q, the nodes are %v, got %v (scripting %v)", doc, cut, want, got.Nodes, scripting)
			}
			want[j].Offset = 1 // seen
		}
		if len(want) > 0 && want[len(want)-1].Offset == 0 {
			t.Fatalf("%q: cut behind %q, the nodes are %v, got %v (scripting %v)", doc, cut, want, got.Nodes, scripting)
		}
	}
	// Close the open elements, innermost first.
	depth := 1 + i%max(1, len(chain)-2)
	var tail strings.Builder
	for n := len(chain) - 1; n >= len(chain)-depth && n >= 2; n-- {
		tail.WriteString("</" + chain[n] + ">")
	}
	_, mark := parseCut(t, cut, tail.String(), true)
	if names, left := ancestors(mark), chain[:max(2, len(chain)-depth)]; strings.Join(names, " ") != strings.Join(left, " ") {
		t.Fatalf("%q: cut behind %q, with %q behind it the open elements are %v, got %v", doc, cut, tail.String(), names, left)
	}
}

// openAt returns the names of the open elements of a point, outermost first.
func openAt(got Body, p Point) []string {
	var chain []string
	for i := p.Open; i >= 0; i = got.Nodes[i].Parent {
		chain = append([]string{got.Nodes[i].Name}, chain...)
	}
	return append([]string{"html"}, chain...)
}

func parseCut(t fataler, cut []byte, tail string, scripting bool) (body, mark *html.Node) {
	t.Helper()
	all := string(bytes.TrimPrefix(cut, bomUTF8)) + tail + markTag
	doc, err := html.ParseWithOptions(strings.NewReader(all), html.ParseOptionEnableScripting(scripting))
	if err != nil {
		t.Fatalf("%q: %v", all, err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "i-x" {
			mark = n // the last one
		}
		if n.DataAtom == atom.Body && n.Namespace == "" && body == nil {
			body = n
		}
	}
	if mark == nil || body == nil || mark.FirstChild != nil || mark.NextSibling != nil {
		t.Fatalf("%q: the mark is not at the end of the body (scripting %v)", all, scripting)
	}
	return body, mark
}

func ancestors(n *html.Node) []string {
	var names []string
	for n = n.Parent; n != nil && n.Type == html.ElementNode; n = n.Parent {
		names = append([]string{nodeName(n)}, names...)
	}
	return names
}

// flatten lists a node and what is below it, but not the mark.
func flatten(n *html.Node, parent int32, mark *html.Node, out *[]Node) {
	name := nodeName(n)
	switch n.Type {
	case html.TextNode:
		name = "#text"
	case html.CommentNode:
		name = "#comment"
	default:
	}
	if n == mark {
		return
	}
	at := int32(len(*out))
	*out = append(*out, Node{Name: name, Parent: parent})
	if n.Namespace == "" && opaque[n.DataAtom] {
		return
	}
	for c := range n.ChildNodes() {
		flatten(c, at, mark, out)
	}
}

// frames are what the generated bodies stand in.
var frames = []string{
	"<!doctype html><html><head></head><body>%</body></html>",
	"<head></head><body>%",
	"<!doctype html><title>x</title>\n%",
	"<head></head>\n<!-- c -->\n%",
	"<!doctype html><head></head> <body class=x onload='f()'>\n%",
	"\xef\xbb\xbf<!doctype html><head><body>%",
}

// TestScanBodyProperty has as many cases as -rapid.checks says.
func TestScanBodyProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		markup := domtest.Markup().Draw(t, "markup")
		if rapid.IntRange(0, 3).Draw(t, "mutate") > 0 {
			markup = domtest.MutateMarkup(markup).Draw(t, "mutant")
		}
		frame := rapid.SampledFrom(frames).Draw(t, "frame")
		doc := strings.Replace(frame, "%", markup, 1)
		checkBody(t, []byte(doc), 3, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
	})
}

// TestScanBodyHTML5Lib cuts the documents of others at all their points.
func TestScanBodyHTML5Lib(t *testing.T) {
	points := 0
	for _, doc := range domtest.HTML5Lib(t) {
		for _, in := range [][]byte{doc, append([]byte("<!doctype html><head></head><body>"), doc...)} {
			points += checkBody(t, in, 1000, func(n int) int { return n / 2 })
		}
	}
	if points < 1000 {
		t.Errorf("%d points in all, which says little", points)
	}
	t.Logf("%d points", points)
}

func FuzzScanBody(f *testing.F) {
	for _, frame := range frames {
		f.Add([]byte(strings.Replace(frame, "%", "<p>x<ul><li>y<li>z</ul><table><tr><td>a</table><svg><g/></svg><noscript><img></noscript>", 1)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if len(doc) > 4096 {
			return // the property takes time in the square of the length
		}
		checkBody(t, doc, 4, func(n int) int { return len(doc) * 7919 % n })
	})
}

// nodeName returns a name as a Body has it: x/net/html writes lower case, but for
// names in svg, and those may be any bytes.
func nodeName(n *html.Node) string {
	b := []byte(n.Data)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
