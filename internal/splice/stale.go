package splice

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/headstart-proxy/headstart/internal/document"
)

// Edit is one thing to do to the page: exactly one of Set, Over, Put and Cut is
// there.
//
// Behind a head the edits stand in it. Behind a body they stand where that was cut,
// after the elements that came late, as a classic script without anything behind it.
type Edit struct {
	// Set sets attributes of the html element, or removes them where the value is
	// nil.
	Set map[string]*string `json:"set,omitempty"`
	// Over is an element of head that is removed. Move, if it is there, takes its
	// place: a sibling of the edits.
	Over *Ref `json:"over,omitempty"`
	Move *Ref `json:"move,omitempty"`
	// Put moves the elements in front of the edits into the head. They are told by
	// their names, as the DOM has them, with commas between; each goes before the
	// child element of head with the index in At, or stays if that is negative.
	Put string `json:"put,omitempty"`
	At  []int  `json:"at,omitempty"`
	// Cut removes the nodes in front of the edits, which are named like those of Put:
	// all but the first From of those that the edits stand among. In is a selector that
	// must match the element of the edits.
	Cut  string `json:"cut,omitempty"`
	From int    `json:"from,omitempty"`
	In   string `json:"in,omitempty"`
}

// Ref names one element among its siblings.
type Ref struct {
	Tag   string      `json:"tag"`
	Attrs [][2]string `json:"attrs"` // all of these: names and values
	Count int         `json:"count"` // how many attributes it has
	// Text is the beginning of its text, as far as that is no longer than UpTo.
	Text string `json:"text"`
	UpTo int    `json:"upto"`
	// N says which of those that match: 0 is the first, -1 the last.
	N int `json:"n"`
}

// maxText is how much of an element's text names it, in bytes; all of it does if UpTo
// is allText.
const (
	maxText = 100
	allText = 1 << 30
)

// refOf names an element by its tag, its attributes and the beginning of its
// text, as far as they are ASCII: the page may be in any charset. Nonces are
// left out, since browsers hide them.
func refOf(item document.Item) Ref {
	attrs := item.Attributes()
	r := Ref{Tag: item.Name, Count: len(attrs), Attrs: [][2]string{}}
	for _, a := range attrs {
		if a.Key != "nonce" && document.IsASCII(a.Key) && document.IsASCII(a.Val) {
			r.Attrs = append(r.Attrs, [2]string{a.Key, a.Val})
		}
	}
	switch item.Name {
	case "title", "style", "script":
		text := item.Text()
		r.Text, r.UpTo = text[:min(len(text), maxText)], allText
		if len(r.Text) < len(text) || !document.IsASCII(text) {
			if i := strings.IndexFunc(r.Text, func(c rune) bool { return c >= 0x80 }); i >= 0 {
				r.Text = r.Text[:i]
			}
			r.UpTo = len(r.Text)
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
	for _, want := range r.Attrs {
		if !slices.ContainsFunc(attrs, func(a html.Attribute) bool { return a.Key == want[0] && a.Val == want[1] }) {
			return false
		}
	}
	if r.UpTo == 0 {
		return true
	}
	text := item.Text()
	return text[:min(len(text), r.UpTo)] == r.Text
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
		if !s.shell() {
			s.join(nil)
		}
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
			edits = append(edits, Edit{Over: m.refSent(i)})
		case s.lenient:
		default:
			s.fail()
			return
		}
	}
	if len(m.attrs) > 0 {
		edits = append(edits, Edit{Set: m.attrs})
	}
	s.repairs = len(edits) > 0
	if s.shell() {
		s.flush(s.putLate(edits))
		return
	}
	s.join(edits)
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
// but what was emitted after it, and is still on the list, stands behind it. Behind a
// body, only what came late has such elements.
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
