package domtest

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// scriptKind is what a script element is for (HTML section 4.12.1.1, prepare
// the script element).
type scriptKind uint8

const (
	dataBlock scriptKind = iota // never runs
	classic
	module
	rules // an import map or speculation rules: not run, but obeyed
)

// javaScriptTypes are the JavaScript MIME type essences (MIME Sniffing Standard,
// section 4.6).
var javaScriptTypes = []string{
	"application/ecmascript", "application/javascript", "application/x-ecmascript",
	"application/x-javascript", "text/ecmascript", "text/javascript",
	"text/javascript1.0", "text/javascript1.1", "text/javascript1.2",
	"text/javascript1.3", "text/javascript1.4", "text/javascript1.5",
	"text/jscript", "text/livescript", "text/x-ecmascript", "text/x-javascript",
}

func kindOf(script *html.Node) scriptKind {
	typ, typed := attr(script, "type")
	if !typed {
		// The language attribute is obsolete and still obeyed.
		if language, _ := attr(script, "language"); language != "" {
			typ = "text/" + language
		}
	} else if typ != "" {
		if typ = strings.Trim(typ, space); typ == "" {
			return dataBlock // white space is no type, unlike the empty string
		}
	}
	typ = strings.ToLower(typ)
	switch {
	case typ == "" || slices.Contains(javaScriptTypes, typ):
		return classic
	case typ == "module":
		return module
	case typ == "importmap" || typ == "speculationrules":
		return rules
	}
	return dataBlock
}

// isScript reports whether n is a script element, of HTML or SVG, that does
// something.
func isScript(n *html.Node) bool {
	if n.Type != html.ElementNode || n.Data != "script" || n.Namespace == "math" {
		return false
	}
	return kindOf(n) != dataBlock
}

// ordered reports whether a child of head must keep its place among the others
// for which ordered is true: scripts run and styles cascade in order, and base
// and http-equiv act on what follows them.
func ordered(n *html.Node) bool {
	if n.Type != html.ElementNode {
		return false
	}
	switch n.DataAtom {
	case atom.Script:
		_, async := attr(n, "async")
		_, external := attr(n, "src")
		return isScript(n) && (!async || !external || kindOf(n) != classic)
	case atom.Style, atom.Base:
		return true
	case atom.Link:
		return slices.Contains(rels(n), "stylesheet")
	case atom.Meta:
		_, found := attr(n, "http-equiv")
		return found
	default:
		return false
	}
}

// rivals names a group of elements of which browsers, crawlers or scripts take one,
// the first or the last: titles, metas of one name, icons and the like. "" is none.
func rivals(n *html.Node) string {
	switch {
	case isElement(n, atom.Title):
		return "title"
	case isElement(n, atom.Meta):
		for _, key := range []string{"name", "property"} {
			if name, found := attr(n, key); found {
				return "meta " + strings.ToLower(name)
			}
		}
	case isElement(n, atom.Link):
		for _, rel := range []string{"icon", "canonical", "manifest"} {
			if slices.Contains(rels(n), rel) {
				return "link " + rel
			}
		}
	}
	return ""
}

// harmless reports whether a child of head may be left over from an earlier
// version of the page: a fetch or connection begun in vain.
func harmless(n *html.Node) bool {
	if !isElement(n, atom.Link) {
		return false
	}
	for _, a := range n.Attr {
		if strings.HasPrefix(a.Key, "on") {
			return false
		}
	}
	all := rels(n)
	return len(all) > 0 && !slices.ContainsFunc(all, func(rel string) bool {
		return rel != "preconnect" && rel != "preload"
	})
}
