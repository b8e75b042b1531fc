package splice

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/headstart-proxy/headstart/internal/document"
)

// Edit is one thing to do to the page: exactly one of Set, Drop and Move is there.
type Edit struct {
	// Set sets attributes of the html element, or removes them where the value is
	// nil.
	Set map[string]*string `json:"set,omitempty"`
	// Drop removes an element of head.
	Drop *Ref `json:"drop,omitempty"`
	// Move puts an element of head in the place of Over, which is removed.
	Move *Ref `json:"move,omitempty"`
	Over *Ref `json:"over,omitempty"`
}

// Ref names one child element of head.
type Ref struct {
	Tag   string            `json:"tag"`
	Attrs map[string]string `json:"attrs,omitempty"` // all of these
	Count int               `json:"count,omitempty"` // how many attributes it has
	Text  string            `json:"text,omitempty"`  // how its text begins
	Exact bool              `json:"exact,omitempty"` // and ends
	// N says which of those that match: 0 is the first, -1 the last.
	N int `json:"n,omitempty"`
}

// maxText is how much of an element's text names it, in bytes.
const maxText = 100

// refOf names an element by its tag, its attributes and the beginning of its
// text, as far as they are ASCII: the page may be in any charset. Nonces are
// left out, since browsers hide them.
func refOf(item document.Item) Ref {
	attrs := item.Attributes()
	r := Ref{Tag: item.Name, Count: len(attrs)}
	for _, a := range attrs {
		if a.Key != "nonce" && document.IsASCII(a.Key) && document.IsASCII(a.Val) {
			if r.Attrs == nil {
				r.Attrs = make(map[string]string)
			}
			r.Attrs[a.Key] = a.Val
		}
	}
	switch item.Name {
	case "title", "style", "script":
		text := item.Text()
		r.Text = text[:min(len(text), maxText)]
		r.Exact = len(r.Text) == len(text) && document.IsASCII(text)
		if i := strings.IndexFunc(r.Text, func(c rune) bool { return c >= 0x80 }); i >= 0 {
			r.Text = r.Text[:i]
		}
	}
	return r
}

// matches reports whether r, as the browser looks for it, finds item.
func (r Ref) matches(item document.Item) bool {
	if item.Name != r.Tag {
		return false
	}
	attrs := item.Attributes()
	if len(attrs) != r.Count {
		return false
	}
	for key, value := range r.Attrs {
		if !slices.ContainsFunc(attrs, func(a html.Attribute) bool { return a.Key == key && a.Val == value }) {
			return false
		}
	}
	if r.Exact {
		return item.Text() == r.Text
	}
	return r.Text == "" || strings.HasPrefix(item.Text(), r.Text)
}

// resolve decides what becomes of the items that were sent and never met: the
// page is corrected at the joint, or cannot be.
//
// The edits go from the last sent item to the first, so that none changes which
// element a later one names.
func (s *Splicer) resolve() {
	m := &s.merge
	if m.stale() > maxEdits {
		if !s.lenient {
			s.fail()
			return
		}
		s.state = Joined
		return
	}
	var edits []Edit
	for i, item := range slices.Backward(m.seq.Items[:m.sent]) {
		if m.met[i] || !matters(item) {
			continue
		}
		m.limit = min(m.limit, i)
		by, replaced := m.replaced[i]
		switch {
		case replaced:
			edits = append(edits, Edit{Move: m.refEmitted(by), Over: m.refSent(i)})
		case item.Class == document.Inert && item.Kind == document.Child, item.Has(document.Styles):
			edits = append(edits, Edit{Drop: m.refSent(i)})
		case s.lenient:
		default:
			s.fail()
			return
		}
	}
	if len(m.attrs) > 0 {
		edits = append(edits, Edit{Set: m.attrs})
	}
	m.edits = edits
	s.state = Joined
}

// maxEdits bounds the work and the markup of a repair.
const maxEdits = 16

// stale returns how many items that matter were sent and not met.
func (m *merge) stale() (n int) {
	for i, item := range m.seq.Items[:m.sent] {
		if !m.met[i] && matters(item) {
			n++
		}
	}
	return n
}

// refSent names a sent item: all that was sent before it stands before it.
func (m *merge) refSent(i int) *Ref {
	r := refOf(m.seq.Items[i])
	for _, item := range m.seq.Items[:i] {
		if r.matches(item) {
			r.N++
		}
	}
	return &r
}

// refEmitted names an item that was emitted, and takes it off the list: nothing
// but what was emitted after it, and is still on the list, stands behind it.
func (m *merge) refEmitted(by document.Item) *Ref {
	r := refOf(by)
	r.N = -1
	for i, item := range slices.Backward(m.emitted) {
		if &item.Raw[0] == &by.Raw[0] {
			m.emitted = slices.Delete(m.emitted, i, i+1)
			break
		}
		if r.matches(item) {
			r.N--
		}
	}
	return &r
}
