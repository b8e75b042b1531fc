package site

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// breaks are the elements that end a paragraph.
var breaks = map[atom.Atom]bool{
	atom.Blockquote: true, atom.Br: true, atom.Div: true, atom.Dd: true, atom.Dt: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
	atom.Hr: true, atom.Li: true, atom.P: true, atom.Pre: true, atom.Tr: true,
}

// hidden are the elements whose text is not for reading.
var hidden = map[atom.Atom]bool{
	atom.Iframe: true, atom.Noscript: true, atom.Script: true, atom.Style: true, atom.Template: true, atom.Title: true,
}

// paragraphs returns the readable text of some HTML, one string per paragraph,
// white space collapsed.
func paragraphs(source string) []string {
	var all []string
	var text strings.Builder
	end := func() {
		if words := strings.Fields(text.String()); len(words) > 0 {
			all = append(all, strings.Join(words, " "))
		}
		text.Reset()
	}
	depth := 0 // of hidden elements
	for tokens := html.NewTokenizer(strings.NewReader(source)); ; {
		kind := tokens.Next()
		token := tokens.Token()
		switch kind {
		case html.ErrorToken: // the end; a string has no other error
			end()
			return all
		case html.TextToken:
			if depth == 0 {
				text.WriteString(token.Data)
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			if breaks[token.DataAtom] {
				end()
			}
			if hidden[token.DataAtom] {
				if kind == html.StartTagToken {
					depth++
				} else {
					depth = max(0, depth-1)
				}
			}
		default: // comments and the like say nothing
		}
	}
}
