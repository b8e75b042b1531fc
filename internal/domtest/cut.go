package domtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// cut removes all nodes in front of the script but the first. The browser's script
// counts on standing last among them when it runs.
func (r *repair) cut(names string, from int, in string) error {
	if strings.Trim(in, "abcdefghijklmnopqrstuvwxyz0123456789->") != "" {
		return fmt.Errorf("%q is no plain selector", in)
	}
	path := ""
	for n := r.script; n != nil && n.Type == html.ElementNode; n = n.Parent {
		path = ">" + n.Data + path
	}
	if path[1:] != in {
		return fmt.Errorf("stands in %s, not in %s", path[1:], in)
	}
	var nodes []*html.Node
	for n := r.script.PrevSibling; n != nil; n = n.PrevSibling {
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	if from < 0 || from > len(nodes) {
		return fmt.Errorf("leaves %d nodes of %d", from, len(nodes))
	}
	nodes = nodes[from:]
	if got := nodeNames(nodes); got != names {
		return fmt.Errorf("cuts %s, finds %s", names, got)
	}
	for _, n := range nodes {
		if err := removable(n); err != nil {
			return err
		}
		n.Parent.RemoveChild(n)
	}
	return nil
}

// loaders are elements that load a document or a plugin when they are inserted.
var loaders = []atom.Atom{atom.Iframe, atom.Frame, atom.Object, atom.Embed}

// removable returns an error if there is something in a part of a body that cannot
// be taken back, as DESIGN section 6.4 lists it. Tags of html and body are not in the
// tree, but what they do to those elements is, and Diff sees it.
func removable(n *html.Node) error {
	if n.Type != html.ElementNode {
		return nil
	}
	if had := hadEffect(n); had != "" {
		return fmt.Errorf("cuts %s, which has had its effect", had)
	}
	if slices.Contains(loaders, n.DataAtom) {
		return fmt.Errorf("cuts %s, which has loaded something", n.Data)
	}
	if _, shadow := attr(n, "shadowrootmode"); shadow && isElement(n, atom.Template) {
		return errors.New("cuts a shadow root")
	}
	for _, a := range n.Attr {
		if a.Namespace == "" && strings.HasPrefix(a.Key, "on") {
			return fmt.Errorf("cuts %s, which may have run", a.Key)
		}
	}
	if isElement(n, atom.Template) {
		return nil // what it holds does nothing
	}
	for c := range n.ChildNodes() {
		if err := removable(c); err != nil {
			return err
		}
	}
	return nil
}

// hadEffect says which element n is if to remove it undoes nothing: a script runs
// though it is removed, and what base and http-equiv (a policy, a refresh) did to
// the page stays done. Else it returns "".
func hadEffect(n *html.Node) string {
	switch _, pragma := attr(n, "http-equiv"); {
	case isScript(n):
		return "a script"
	case isElement(n, atom.Base):
		return "a base"
	case pragma:
		return "http-equiv"
	}
	return ""
}

// nodeNames joins the names of nodes with commas, as String does with an array.
func nodeNames(nodes []*html.Node) string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = nodeName(n)
	}
	return strings.Join(names, ",")
}

// nodeName is the DOM property of that name (DOM Standard section 4.4): in capitals
// for elements of HTML, but only the letters of ASCII.
func nodeName(n *html.Node) string {
	switch {
	case n.Type == html.TextNode:
		return "#text"
	case n.Type == html.CommentNode:
		return "#comment"
	case n.Namespace == "":
		return strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			return c
		}, n.Data)
	}
	return n.Data
}
