package splice

import (
	"slices"
	"strings"

	"github.com/headstart-proxy/headstart/internal/document"
)

// rewind takes up a difference inside the body that was sent: the page goes back to
// a point before it, and on from there as the backend has it. rest is what the
// stream has from the difference on.
//
// What the parser does with the same bytes depends on what is open, so the point is
// one whose open elements are still open where the body was cut. Those in between
// are closed, and what stands behind the point is removed.
func (s *Splicer) rewind(rest []byte) {
	s.comparing = false
	body := document.ScanBody(s.seq.Body(s.sent), false, nil)
	to, ok := s.rewindTo(&body)
	if !ok && !s.lenient {
		s.stands = min(s.seq.whole(s.at), s.bodyLimit)
		s.fail()
		return
	}
	start := s.seq.headSize()
	edits := s.cut(&body, to, ok)
	s.repairs = s.repairs || len(edits) > 0
	s.join(edits)
	s.pass(s.seq.Bytes[start+to.Offset : s.at])
	s.pass(rest)
}

// Clear returns what empties the body that was sent, as far as that can be done, so
// that another page can follow. It ends the joining.
func (s *Splicer) Clear() []Part {
	s.out, s.parts = s.out[:0], s.parts[:0]
	if s.state != Comparing || !s.shell() {
		return nil
	}
	s.comparing, s.lenient = false, true
	body := document.ScanBody(s.seq.Body(s.sent), false, nil)
	all := document.Point{}
	s.join(s.cut(&body, all, s.removable(&body, all)))
	return s.parts
}

// rewindTo returns the last point to which the page can go back, the beginning of the
// body if there is none. If ok is false, nothing may be removed behind it. That the tag
// of the body itself differs matters to no error page.
func (s *Splicer) rewindTo(body *document.Body) (to document.Point, ok bool) {
	same := s.at - s.seq.headSize()
	open := chain(body, body.Points[len(body.Points)-1].Open)
	for _, p := range slices.Backward(body.Points) {
		if p.Offset <= same && slices.Contains(open, p.Open) {
			return p, s.removable(body, p)
		}
	}
	return document.Point{}, s.lenient && s.removable(body, document.Point{})
}

// chain returns an element and those that it stands in, from the inside out.
func chain(body *document.Body, open int32) (elements []int32) {
	for ; open >= 0; open = body.Nodes[open].Parent {
		elements = append(elements, open)
	}
	return elements
}

// removable reports whether all that stands behind a point may be removed. The edits
// must be able to name it, as the DOM does, with commas between, and the elements that
// it stands in, in a selector. What a script has done stays when the script goes, which
// an error page can live with.
func (s *Splicer) removable(body *document.Body, p document.Point) bool {
	for _, element := range chain(body, p.Open) {
		if !isPlain(body.Nodes[element].Name) {
			return false
		}
	}
	for _, n := range body.Nodes {
		if n.Parent == p.Open && n.Offset >= p.Offset && !isPlain(strings.TrimPrefix(n.Name, "#")) {
			return false
		}
	}
	if s.lenient {
		return true
	}
	fixed := slices.ContainsFunc(body.Marks, func(m document.Mark) bool {
		return m.Offset >= p.Offset && m.Traits&document.Fixed != 0
	})
	// A custom element of which a script has told the browser has run some of it.
	return !fixed && !(s.sentScript(document.Handler) && slices.ContainsFunc(body.Nodes, func(n document.Node) bool {
		return n.Offset >= p.Offset && strings.Contains(n.Name, "-")
	}))
}

// sentScript reports whether a script was sent, or an element of the body with one of
// the traits that are as good as one.
func (s *Splicer) sentScript(as document.Traits) bool {
	return s.seq.script < min(s.sent, len(s.seq.Items)) || s.seq.firstMark(document.Script|as) < s.seq.Size(s.sent)
}

// cut lets out the end tags that lead from the end of what was sent to the elements
// that are open at a point, and returns the edits that remove what stands between.
func (s *Splicer) cut(body *document.Body, to document.Point, remove bool) []Edit {
	open := chain(body, body.Points[len(body.Points)-1].Open)
	for _, element := range open[:slices.Index(open, to.Open)] {
		s.out = append(append(append(s.out, "</"...), body.Nodes[element].Name...), '>')
	}
	if !remove {
		return nil
	}
	var nodes []string
	from := 0 // they are counted, since scripts and extensions may have put in others
	for _, n := range body.Nodes {
		switch {
		case n.Parent != to.Open:
		case n.Offset >= to.Offset:
			nodes = append(nodes, nodeName(n.Name))
		default:
			from++
		}
	}
	if len(nodes) == 0 {
		return nil
	}
	in := "script"
	for _, element := range chain(body, to.Open) {
		in = body.Nodes[element].Name + ">" + in
	}
	return []Edit{{Cut: strings.Join(nodes, ","), From: from, In: "html>" + in}}
}
