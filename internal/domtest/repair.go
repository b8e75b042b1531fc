package domtest

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// ErrLeaves is wrapped by errors about a recovery script that reloads or
// redirects instead of repairing the page.
var ErrLeaves = errors.New("the recovery script leads away from the page")

// Effect is what recovery scripts do to a page.
type Effect uint8

// The effects. A page with several scripts has the greatest of them.
const (
	Untouched Effect = iota // there is no recovery script
	Completed               // elements that came late were moved into the head
	Corrected               // something that was sent was changed, replaced or removed
)

// Repair does to the visitor's tree what Headstart's recovery scripts do in the
// browser, and says what that was. They are the inline scripts whose text begins
// with prefix; if it is "" there are none. They run in document order: each first
// removes the elements with an attribute data-headstart, then does its edits, then
// removes itself.
//
// An error means that a script would not do its work for sure, and that the tree
// is half done: its text is not `prefix…})(JSON)`; it leads away from the page
// (ErrLeaves); an edit is none; what it names is not there, or is something else
// than meant, when the script runs; it takes away what has had its effect already
// (a script, base, http-equiv and the like); or what it does depends on how much of
// the page has come.
func Repair(visitor *html.Node, prefix string) (Effect, error) {
	if prefix == "" {
		return Untouched, nil
	}
	var scripts []*html.Node
	for n := range live(visitor) {
		if isRecovery(n, prefix) {
			scripts = append(scripts, n)
		}
	}
	effect := Untouched
	for _, script := range scripts {
		if !under(script, visitor) {
			continue // the parser put it into what a script had removed: it does not run
		}
		done, err := run(visitor, script)
		if err != nil {
			return effect, err
		}
		effect = max(effect, done)
	}
	return effect, nil
}

// run runs one recovery script.
func run(visitor, script *html.Node) (Effect, error) {
	args, err := parseArguments(textContent(script))
	if err != nil {
		return Untouched, fmt.Errorf("recovery script: %w", err)
	}
	if args.URL != "" || args.Edits == nil {
		return Untouched, fmt.Errorf("%w: cookie %q, url %q", ErrLeaves, args.Cookie, args.URL)
	}
	r := repair{page: takeApart(visitor), script: script, classic: kindOf(script) == classic}
	if r.page.head == nil {
		return Untouched, errors.New("the page has lost its head")
	}
	if err := r.clean(visitor); err != nil {
		return Untouched, err
	}
	if r.classic { // to a module document.currentScript is null
		for n := script.Parent.FirstChild; n != script.NextSibling; n = n.NextSibling {
			if n.Type == html.ElementNode {
				r.siblings = append(r.siblings, n)
			}
		}
	}
	effect := Completed
	for i, e := range args.Edits {
		if err := r.apply(e); err != nil {
			return effect, fmt.Errorf("edit %d: %w", i, err)
		}
		if e.Put == "" {
			effect = Corrected
		}
	}
	r.end()
	return effect, nil
}

// repair is one run of the recovery script.
type repair struct {
	page     page
	script   *html.Node
	classic  bool         // it runs where it stands; else it is a module
	siblings []*html.Node // the elements beside the script when it begins; it is the last
}

// clean removes the elements that belong to recovery, but for the script. When a
// classic script runs nothing behind it has been parsed; when a module does, that is
// open. The script of a module removes itself here, which makes no difference to
// its edits; end does it.
func (r *repair) clean(visitor *html.Node) error {
	var marked []*html.Node
	behind := false
	for n := range live(visitor) {
		if n == r.script {
			behind = true
			if r.classic {
				break
			}
			continue
		}
		if _, ours := attr(n, "data-headstart"); !ours {
			continue
		}
		if behind {
			return fmt.Errorf("behind a module stands %s: which is first?", clip(startTag(n, exactly)))
		}
		marked = append(marked, n)
	}
	for _, n := range marked {
		n.Parent.RemoveChild(n)
	}
	return nil
}

// end removes the script. When a classic one has run, the parser adds text to the
// text in front of it.
func (r *repair) end() {
	if _, ours := attr(r.script, "data-headstart"); !ours && !r.classic {
		return
	}
	before, after := r.script.PrevSibling, r.script.NextSibling
	r.script.Parent.RemoveChild(r.script)
	if r.classic && before != nil && before.Type == html.TextNode && after != nil && after.Type == html.TextNode {
		before.Data += after.Data
		after.Parent.RemoveChild(after)
	}
}

func isRecovery(n *html.Node, prefix string) bool {
	if !isElement(n, atom.Script) || n.FirstChild == nil || !strings.HasPrefix(n.FirstChild.Data, prefix) {
		return false
	}
	_, external := attr(n, "src")
	return !external && slices.Contains([]scriptKind{classic, module}, kindOf(n))
}

// live yields the elements below n in document order, but for what templates hold:
// that belongs to another document, in which no script runs and where selectors do
// not look.
func live(n *html.Node) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) { walk(n, yield) }
}

func walk(n *html.Node, yield func(*html.Node) bool) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		if !yield(c) || !isElement(c, atom.Template) && !walk(c, yield) {
			return false
		}
	}
	return true
}

// under reports whether n is above or is a node.
func under(node, n *html.Node) bool {
	for ; node != nil; node = node.Parent {
		if node == n {
			return true
		}
	}
	return false
}

// textContent is the DOM property of that name. What a template holds is not
// below the template but in a fragment of its own.
func textContent(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if isElement(n, atom.Template) {
		return ""
	}
	var b strings.Builder
	for c := range n.ChildNodes() {
		b.WriteString(textContent(c))
	}
	return b.String()
}
