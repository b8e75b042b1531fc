package document

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/domtest"
)

// TestBodyPointsForget is what plain points are for: what came between two of them
// can be closed and taken out of the page, and the parser does the same with
// whatever follows as if it had never been there.
func TestBodyPointsForget(t *testing.T) {
	pairs := 0
	rapid.Check(t, func(t *rapid.T) {
		markup := domtest.Markup().Draw(t, "markup")
		other := domtest.MutateMarkup(domtest.Markup().Draw(t, "other")).Draw(t, "mutant")
		doc := []byte(strings.Replace(rapid.SampledFrom(frames).Draw(t, "frame"), "%", markup, 1))
		got, at, ok := scanDocument(doc, true)
		if !ok || len(got.Points) < 2 {
			return
		}
		i := rapid.IntRange(0, len(got.Points)-2).Draw(t, "to")
		j := rapid.IntRange(i+1, len(got.Points)-1).Draw(t, "from")
		var tail strings.Builder
		for n := got.Points[j].Open; n != got.Points[i].Open; n = got.Nodes[n].Parent {
			if n < got.Points[i].Open {
				return // the elements that were open are closed
			}
			tail.WriteString("</" + got.Nodes[n].Name + ">")
		}
		pairs++
		short, long := string(doc[:at+got.Points[i].Offset]), string(doc[:at+got.Points[j].Offset])+tail.String()
		checkForgotten(t, short+markTag+other, long+markTag+other)
	})
	if pairs == 0 {
		t.Error("no two points to compare")
	}
}

// checkForgotten parses both documents, takes out of the tree of the long one what
// stands in front of the mark there and not in the short one, and compares.
func checkForgotten(t fataler, short, long string) {
	t.Helper()
	want, wantMark := parseMarked(t, short)
	got, gotMark := parseMarked(t, long)
	before := 0
	for n := wantMark.PrevSibling; n != nil; n = n.PrevSibling {
		before++
	}
	children := slices.Collect(gotMark.Parent.ChildNodes())
	for _, n := range children[before:slices.Index(children, gotMark)] {
		gotMark.Parent.RemoveChild(n)
	}
	if w, g := outline(want), outline(got); w != g {
		t.Fatalf("%q\nmakes %s\n%q\nmakes %s", short, w, long, g)
	}
}

// parseMarked returns a document and the first mark in it.
func parseMarked(t fataler, in string) (doc, mark *html.Node) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(bytes.TrimPrefix([]byte(in), bomUTF8)))
	if err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "i-x" && n.Namespace == "" {
			return doc, n
		}
	}
	t.Fatalf("%q: no mark", in)
	return nil, nil
}

// outline writes a tree as text.
func outline(n *html.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "(%d %q %v", n.Type, n.Data, n.Attr)
	for c := range n.ChildNodes() {
		b.WriteString(outline(c))
	}
	b.WriteByte(')')
	return b.String()
}
