package domtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// ErrLeaves is wrapped by errors about a recovery script that reloads or
// redirects instead of repairing the page.
var ErrLeaves = errors.New("the recovery script leads away from the page")

// arguments is the object that the recovery script is called with. A field that
// is not named here is an error, so that the script cannot learn to do what this
// package does not model.
type arguments struct {
	Cookie string `json:"cookie"`
	URL    string `json:"url"`
	Edits  []edit `json:"edits"`
	Stay   bool   `json:"stay"`
}

// edit is one change of the tree; exactly one of Set, Drop and Move is there.
type edit struct {
	Set  map[string]*string `json:"set"`  // attributes of html; null removes one
	Drop *ref               `json:"drop"` // the element to remove
	Move *ref               `json:"move"` // the element to put in the place of Over
	Over *ref               `json:"over"`
}

// ref names a child of head: the Nth with that tag, with these values of its
// attributes among others, and with that beginning of its text content.
type ref struct {
	Tag   string            `json:"tag"`
	Attrs map[string]string `json:"attrs"`
	Count int               `json:"count"` // how many attributes it has
	Text  string            `json:"text"`
	Exact bool              `json:"exact"` // Text is all of its text
	N     int               `json:"n"`     // from 0; negative: from the end, -1 is the last
}

// Repair does to the visitor's tree what Headstart's recovery script does in the
// browser, and reports whether there was one: an inline script among the
// children of head whose text begins with prefix. Its edits are applied in
// order; then every child of head with an attribute data-headstart is removed,
// the script too if it has one.
//
// An error means that the script would not do its work for sure, and that the
// tree is half done: its text is not `prefix…})(JSON)`; it leads away from the
// page (ErrLeaves); an edit is none; an element is not there, or is another one
// than meant, when the script runs; or an edit takes away what has had its
// effect already (a script, base, http-equiv).
func Repair(visitor *html.Node, prefix string) (repaired bool, err error) {
	p := takeApart(visitor)
	for _, n := range childNodes(p.head) {
		if !isRecovery(n, prefix) {
			continue
		}
		args, err := parseArguments(textContent(n))
		if err != nil {
			return true, fmt.Errorf("recovery script: %w", err)
		}
		if args.URL != "" || args.Edits == nil {
			return true, fmt.Errorf("%w: cookie %q, url %q", ErrLeaves, args.Cookie, args.URL)
		}
		r := repair{page: p, script: n}
		for i, e := range args.Edits {
			if err := r.apply(e); err != nil {
				return true, fmt.Errorf("edit %d: %w", i, err)
			}
		}
		repaired = true
	}
	if !repaired {
		return false, nil
	}
	for _, n := range childNodes(p.head) {
		if _, ours := attr(n, "data-headstart"); ours {
			p.head.RemoveChild(n)
		}
	}
	return true, nil
}

// Leaving reads the text of a recovery script, and returns where it leads: the
// cookie that it sets, and the URL, "" for a reload. leaves is false if the script
// repairs the page instead.
func Leaving(script string) (cookie, url string, leaves bool, err error) {
	args, err := parseArguments(script)
	if err != nil {
		return "", "", false, fmt.Errorf("recovery script: %w", err)
	}
	return args.Cookie, args.URL, args.URL != "" || args.Edits == nil, nil
}

func isRecovery(n *html.Node, prefix string) bool {
	if !isElement(n, atom.Script) || !isScript(n) {
		return false
	}
	_, external := attr(n, "src")
	return !external && strings.HasPrefix(textContent(n), prefix)
}

// parseArguments reads the arguments from the text `(a=>{…})({…})`. The function
// and strings in the object may hold `})(` too, so the first place counts from
// which all that is left is one object and the end of the call.
func parseArguments(script string) (arguments, error) {
	script = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(script, space), ";"), space)
	object, called := strings.CutSuffix(script, ")")
	if !called {
		return arguments{}, errors.New("does not end in a call")
	}
	err := errors.New("has no `})(`")
	for at := range len(object) {
		rest, found := strings.CutPrefix(object[at:], "})(")
		if !found || !json.Valid([]byte(rest)) {
			continue
		}
		var args arguments
		d := json.NewDecoder(bytes.NewReader([]byte(rest)))
		d.DisallowUnknownFields()
		if err = d.Decode(&args); err == nil {
			return args, nil
		}
		break
	}
	return arguments{}, fmt.Errorf("arguments: %w", err)
}

// repair is one run of the recovery script.
type repair struct {
	page   page
	script *html.Node // may have left the head, by one of its own edits
}

func (r *repair) apply(e edit) error {
	switch {
	case e.Set != nil && e.Drop == nil && e.Move == nil && e.Over == nil:
		r.set(e.Set)
		return nil
	case e.Set == nil && e.Drop != nil && e.Move == nil && e.Over == nil:
		drop, err := r.find(*e.Drop)
		if err != nil {
			return fmt.Errorf("drop: %w", err)
		}
		return r.remove(drop)
	case e.Set == nil && e.Drop == nil && e.Move != nil && e.Over != nil:
		move, err := r.find(*e.Move)
		if err != nil {
			return fmt.Errorf("move: %w", err)
		}
		over, err := r.find(*e.Over)
		if err != nil {
			return fmt.Errorf("over: %w", err)
		}
		if move == over {
			return errors.New("moves an element over itself")
		}
		r.page.head.RemoveChild(move)
		r.page.head.InsertBefore(move, over)
		return r.remove(over)
	}
	return errors.New("is none of set, drop, and move with over")
}

// set changes attributes of the html element; names are matched in lower case,
// as setAttribute does in an HTML document (DOM Standard section 4.9).
func (r *repair) set(values map[string]*string) {
	n := r.page.html
	for _, key := range slices.Sorted(maps.Keys(values)) {
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
}

// remove takes an element out of the head, unless that undoes nothing: a script
// runs though it is removed, and what base and http-equiv (a policy, a refresh)
// did to the page stays done.
func (r *repair) remove(n *html.Node) error {
	_, pragma := attr(n, "http-equiv")
	if n != r.script && isScript(n) || isElement(n, atom.Base) || pragma {
		return fmt.Errorf("removes what has had its effect: %s", clip(dump(n, exactly)))
	}
	r.page.head.RemoveChild(n)
	return nil
}

// find returns the element that the script finds in the browser. A classic
// script sees the head up to itself, a deferred module all of it, and an async
// module one or the other: then both must be the same element.
func (r *repair) find(f ref) (*html.Node, error) {
	before, all := r.candidates(f)
	early, late := f.pick(before), f.pick(all)
	_, async := attr(r.script, "async")
	switch {
	case kindOf(r.script) == module && !async:
		early = late
	case kindOf(r.script) == module && early != late:
		return nil, fmt.Errorf("%s: an async module finds another element when more of the head has come", f)
	}
	if early == nil {
		return nil, fmt.Errorf("%s: not found (%d candidates in front of the script, %d in head)", f, len(before), len(all))
	}
	return early, nil
}

// candidates returns the elements that match f but for N: those up to the
// script, and all.
func (r *repair) candidates(f ref) (before, all []*html.Node) {
	seen := false
	for _, n := range childNodes(r.page.head) {
		if f.matches(n) {
			all = append(all, n)
			if !seen {
				before = append(before, n)
			}
		}
		seen = seen || n == r.script
	}
	return before, all
}

func (f ref) matches(n *html.Node) bool {
	if n.Type != html.ElementNode || n.Data != f.Tag || !strings.HasPrefix(textContent(n), f.Text) {
		return false
	}
	if len(n.Attr) != f.Count || f.Exact && textContent(n) != f.Text {
		return false
	}
	for key, want := range f.Attrs {
		if got, found := attr(n, key); !found || got != want {
			return false
		}
	}
	return true
}

// pick returns the Nth of the candidates, or nil.
func (f ref) pick(candidates []*html.Node) *html.Node {
	n := f.N
	if n < 0 {
		n += len(candidates)
	}
	if n < 0 || n >= len(candidates) {
		return nil
	}
	return candidates[n]
}

func (f ref) String() string {
	b, _ := json.Marshal(f) // strings and an int: cannot fail
	return string(b)
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
