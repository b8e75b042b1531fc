package domtest

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// attrOrder says whether the order of attributes counts.
type attrOrder bool

const (
	exactly attrOrder = true
	sorted  attrOrder = false
)

// dump writes a subtree as text that looks like HTML: two subtrees are equal if
// and only if their dumps are, since what came from the page is quoted.
// x/net/html.Render is no use for that: it refuses some trees and writes others
// as text that reads back differently.
func dump(n *html.Node, order attrOrder) string {
	var b strings.Builder
	write(&b, n, order)
	return b.String()
}

func write(b *strings.Builder, n *html.Node, order attrOrder) {
	b.WriteString(startTag(n, order))
	if n == nil || n.Type != html.ElementNode {
		return
	}
	for c := range n.ChildNodes() {
		write(b, c, order)
	}
	b.WriteString("</>") // also of void elements: it says where the children end
}

// startTag writes a node without its children.
func startTag(n *html.Node, order attrOrder) string {
	if n == nil {
		return "nothing"
	}
	switch n.Type {
	case html.TextNode:
		return strconv.Quote(n.Data)
	case html.CommentNode:
		return "<!--" + strconv.Quote(n.Data) + "-->"
	case html.DoctypeNode:
		return "<!doctype " + name("", n.Data) + attrText(n.Attr, order) + ">"
	case html.ElementNode:
		return "<" + name(n.Namespace, n.Data) + attrText(n.Attr, order) + ">"
	default: // a document, or what no parser makes
		return "<?" + n.Type.String() + "?>"
	}
}

func attrText(attrs []html.Attribute, order attrOrder) string {
	all := make([]string, len(attrs))
	for i, a := range attrs {
		all[i] = " " + name(a.Namespace, a.Key) + "=" + strconv.Quote(a.Val)
	}
	if order == sorted {
		slices.Sort(all)
	}
	return strings.Join(all, "")
}

// name quotes a name that is out of the ordinary: the parser lets almost any byte
// into one.
func name(namespace, local string) string {
	odd := strings.ContainsFunc(local, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
	if odd || local == "" {
		local = strconv.Quote(local)
	}
	if namespace == "" {
		return local
	}
	return namespace + ":" + local
}

// clip shortens a dump for a message.
func clip(s string) string {
	const most = 160 // bytes; about two lines of a terminal
	if len(s) <= most {
		return s
	}
	return s[:most/2] + " … " + s[len(s)-most/2:]
}
