package domtest

import (
	"fmt"
	"slices"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Diff returns the first difference between two documents from [Parse] that a
// merge must not make, in words, or "" if the visitor has the backend's page.
//
// What must be the same: the doctype; the attributes of html, head and body; the
// elements of head, each as often, contents and all; among them the order of
// scripts (async external classic ones and data blocks aside), styles,
// stylesheets, base and http-equiv metas; the body; what stands behind it; and
// how often each script runs.
//
// What may differ: white space and comments in front of the body, the order of
// attributes in head, the order of its other elements, and links to preconnect
// or preload without event handlers, of which the visitor may have more.
func Diff(backend, visitor *html.Node) string {
	if d := diffScripts(backend, visitor); d != "" {
		return d
	}
	b, v := takeApart(backend), takeApart(visitor)
	if want, got := dump(b.doctype, exactly), dump(v.doctype, exactly); want != got {
		return fmt.Sprintf("doctype: %s, the backend has %s", clip(got), clip(want))
	}
	for _, e := range []struct {
		name             string
		backend, visitor *html.Node
	}{
		{"html", b.html, v.html},
		{"head", b.head, v.head},
		{"body", b.body, v.body},
	} {
		if want, got := startTag(e.backend, sorted), startTag(e.visitor, sorted); want != got {
			return fmt.Sprintf("%s: %s, the backend has %s", e.name, clip(got), clip(want))
		}
	}
	if d := diffHead(headItems(b.head), headItems(v.head)); d != "" {
		return d
	}
	if d := diffExactly("body", childNodes(b.body), childNodes(v.body)); d != "" {
		return d
	}
	if d := diffExactly("behind body", b.inner, v.inner); d != "" {
		return d
	}
	return diffExactly("behind html", b.outer, v.outer)
}

// diffScripts counts how often each script runs, wherever it stands. The rest of
// Diff would find these differences too; this one is told first and by itself
// since a script that ran twice cannot be taken back.
func diffScripts(backend, visitor *html.Node) string {
	want, got := runs(backend), runs(visitor)
	for _, all := range [][]string{want, got} {
		for _, script := range all {
			if w, g := count(want, script), count(got, script); w != g {
				return fmt.Sprintf("script %s runs %d times, the backend has it %d times", clip(script), g, w)
			}
		}
	}
	return ""
}

// runs returns the scripts of a tree that run, in document order.
func runs(n *html.Node) []string {
	var scripts []string
	for c := range n.ChildNodes() {
		if isScript(c) {
			scripts = append(scripts, dump(c, sorted))
		}
		if !isElement(c, atom.Template) { // the contents are inert
			scripts = append(scripts, runs(c)...)
		}
	}
	return scripts
}

// headItem is a child of head.
type headItem struct {
	key               string // equal for equal subtrees
	rivals            string // equal for those of which only one is in effect, if not ""
	ordered, harmless bool
}

func headItems(head *html.Node) []headItem {
	var items []headItem
	for _, n := range childNodes(head) {
		if n.Type != html.CommentNode && !isSpace(n) {
			items = append(items, headItem{dump(n, sorted), rivals(n), ordered(n), harmless(n)})
		}
	}
	return items
}

func diffHead(backend, visitor []headItem) string {
	want, got := keys(backend), keys(visitor)
	for _, item := range backend {
		if w, g := count(want, item.key), count(got, item.key); g < w {
			return fmt.Sprintf("head: %s is there %d times, the backend has it %d times", clip(item.key), g, w)
		}
	}
	for _, item := range visitor {
		if w, g := count(want, item.key), count(got, item.key); g > w && !item.harmless {
			return fmt.Sprintf("head: %s is there %d times, the backend has it %d times", clip(item.key), g, w)
		}
	}
	if d := diffOrder(backend, visitor, func(item headItem) bool { return item.ordered }); d != "" {
		return d
	}
	for _, item := range backend {
		same := func(other headItem) bool { return other.rivals == item.rivals }
		if item.rivals == "" {
			continue
		}
		if d := diffOrder(backend, visitor, same); d != "" {
			return d
		}
	}
	return ""
}

// diffOrder compares the order of those items that have one.
func diffOrder(backend, visitor []headItem, has func(headItem) bool) string {
	free := func(item headItem) bool { return !has(item) }
	want := keys(slices.DeleteFunc(slices.Clone(backend), free))
	got := keys(slices.DeleteFunc(slices.Clone(visitor), free))
	for i := range min(len(want), len(got)) { // as long as each other, but for harmless ones
		if want[i] != got[i] {
			return fmt.Sprintf("head: out of order: %s, the backend has %s there", clip(got[i]), clip(want[i]))
		}
	}
	return ""
}

func keys(items []headItem) []string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = item.key
	}
	return all
}

func count(all []string, one string) int {
	n := 0
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// diffExactly compares two lists of siblings, in which nothing may differ. path
// says where they stand.
func diffExactly(path string, backend, visitor []*html.Node) string {
	below, d := firstDifference(backend, visitor)
	if d == "" {
		return ""
	}
	return path + below + ": " + d
}

// firstDifference returns the difference and the path to it from where the
// siblings stand, which is put together on the way back: documents have many
// nodes and one difference.
func firstDifference(backend, visitor []*html.Node) (path, difference string) {
	for i := range max(len(backend), len(visitor)) {
		switch {
		case i >= len(visitor):
			return "", "missing " + clip(dump(backend[i], exactly))
		case i >= len(backend):
			return "", clip(dump(visitor[i], exactly)) + " too much"
		}
		b, v := backend[i], visitor[i]
		if want, got := startTag(b, exactly), startTag(v, exactly); want != got {
			return "", fmt.Sprintf("%s, the backend has %s", clip(got), clip(want))
		}
		if below, d := firstDifference(childNodes(b), childNodes(v)); d != "" {
			return fmt.Sprintf(" > %s[%d]%s", b.Data, i, below), d
		}
	}
	return "", ""
}
