package domtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// apply does one edit. Whatever the script in the browser would not do makes it load
// the page again, or ends it: both are errors.
func (r *repair) apply(e edit) error {
	if err := e.check(); err != nil {
		return err
	}
	switch {
	case e.Set != nil:
		return r.set(e.Set)
	case e.Over != nil:
		return r.over(*e.Over, e.Move)
	case !r.classic:
		return errors.New("only a classic script knows its siblings")
	case e.Put != "":
		return r.put(e.Put, e.At)
	default:
		return r.cut(e.Cut, e.From, e.In)
	}
}

// set changes attributes of the html element; names are matched in lower case,
// as setAttribute does in an HTML document (DOM Standard section 4.9).
func (r *repair) set(values map[string]*string) error {
	n := r.page.html
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !settable(key) {
			return fmt.Errorf("setAttribute may refuse %q", key)
		}
		name := strings.ToLower(key)
		at := slices.IndexFunc(n.Attr, func(a html.Attribute) bool {
			return a.Namespace == "" && a.Key == name
		})
		value := values[key]
		switch {
		case value == nil && at >= 0:
			n.Attr = slices.Delete(n.Attr, at, at+1)
		case value != nil && at >= 0:
			n.Attr[at].Val = *value
		case value != nil:
			n.Attr = append(n.Attr, html.Attribute{Key: name, Val: *value})
		}
	}
	return nil
}

// settable reports whether every browser's setAttribute takes a name: it is one of
// XML, as it had to be until 2025. An object in a script cannot have the key
// __proto__ (ECMAScript section B.3.1), which is left out with its first letter.
func settable(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	name = strings.ToLower(name)
	return name != "" && strings.IndexByte(letters, name[0]) >= 0 && strings.Trim(name, letters+"0123456789-_.:") == ""
}

// over removes an element of the head, or puts a sibling of the script in its place.
func (r *repair) over(old ref, by *ref) error {
	over, err := r.find(old)
	if err != nil {
		return fmt.Errorf("over: %w", err)
	}
	if by != nil {
		if !r.classic {
			return errors.New("only a classic script knows its siblings")
		}
		move := by.pick(slices.DeleteFunc(slices.Clone(r.siblings), func(n *html.Node) bool {
			return n.Parent != r.script.Parent || !by.matches(n) // an earlier edit may have taken it
		}))
		if move == nil {
			return fmt.Errorf("move: %s: not found", *by)
		}
		if move == over {
			return errors.New("moves an element over itself")
		}
		if err := r.insert(move, over); err != nil {
			return err
		}
	}
	if had := hadEffect(over); had != "" {
		return fmt.Errorf("removes %s from head, which has had its effect", had)
	}
	r.page.head.RemoveChild(over)
	return nil
}

// put moves the last elements in front of the script into the head. Which ones they
// are was settled when the script began.
func (r *repair) put(names string, at []int) error {
	before := r.siblings[:len(r.siblings)-1]
	elements := before[max(0, len(before)-len(at)):]
	if got := nodeNames(elements); got != names || len(elements) != len(at) {
		return fmt.Errorf("puts %s in %d places, finds %s", names, len(at), got)
	}
	for i, n := range elements {
		if at[i] < 0 {
			continue
		}
		if err := r.insert(n, elementAt(r.page.head, at[i])); err != nil {
			return err
		}
	}
	return nil
}

// insert puts a node into the head, before another one or at the end if that is nil.
func (r *repair) insert(n, before *html.Node) error {
	if n == r.script {
		return errors.New("moves the script into head")
	}
	if under(r.page.head, n) {
		return fmt.Errorf("moves %s into head", nodeName(n))
	}
	if n == before {
		before = n.NextSibling
	}
	if n.Parent != nil {
		n.Parent.RemoveChild(n)
	}
	r.page.head.InsertBefore(n, before)
	return nil
}

// elementAt returns the child element with an index, nil if there are not so many.
func elementAt(parent *html.Node, index int) *html.Node {
	for n := range parent.ChildNodes() {
		if n.Type != html.ElementNode {
			continue
		}
		if index == 0 {
			return n
		}
		index--
	}
	return nil
}

// find returns the child of head that the script finds in the browser. A classic
// script sees the head up to itself, a deferred module all of it, and an async
// module one or the other: then both must be the same element.
func (r *repair) find(f ref) (*html.Node, error) {
	before, all := r.candidates(f)
	early, late := f.pick(before), f.pick(all)
	_, async := attr(r.script, "async")
	switch {
	case !r.classic && !async:
		early = late
	case !r.classic && early != late:
		return nil, fmt.Errorf("%s: an async module finds another element when more of the head has come", f)
	}
	if early == nil {
		return nil, fmt.Errorf("%s: not found (%d candidates in front of the script, %d in head)", f, len(before), len(all))
	}
	return early, nil
}

// candidates returns the children of head that match f but for N: those up to the
// script, and all. A module script has gone by then.
func (r *repair) candidates(f ref) (before, all []*html.Node) {
	seen := false
	for _, n := range childNodes(r.page.head) {
		if f.matches(n) && (n != r.script || r.classic) {
			all = append(all, n)
			if !seen {
				before = append(before, n)
			}
		}
		seen = seen || n == r.script
	}
	return before, all
}

func (r ref) matches(n *html.Node) bool {
	if n.Type != html.ElementNode || n.Data != r.Tag || len(n.Attr) != r.Count {
		return false
	}
	text := textContent(n)
	if text[:min(len(text), r.UpTo)] != r.Text {
		return false
	}
	for _, want := range r.Attrs {
		if got, found := attr(n, want[0]); !found || got != want[1] {
			return false
		}
	}
	return true
}

// pick returns the Nth of the candidates, or nil.
func (r ref) pick(candidates []*html.Node) *html.Node {
	n := r.N
	if n < 0 {
		n += len(candidates)
	}
	if n < 0 || n >= len(candidates) {
		return nil
	}
	return candidates[n]
}
