package splice

import (
	"strings"

	"github.com/headstart-proxy/headstart/internal/document"
)

// Behind a body, items of the head come too late for the parser to put them there.
// They go in where the body was cut, all together when the head of the stream ends,
// and the edits behind them move them into the head.

// lateItem is an item that waits for the end of the head.
type lateItem struct {
	item document.Item
	at   int // how many elements of head stand before it; -1 if it takes the place of another
}

// maxLate is how many items may come late behind a body, and maxPlace is more than a
// head has elements.
const (
	maxLate  = 256
	maxPlace = 1 << 20
)

// emitLate passes on an item that comes behind a body. over says that it takes the
// place of a sent one.
func (s *Splicer) emitLate(item document.Item, over bool) {
	if item.Kind != document.Child {
		return // white space and comments are dropped
	}
	if (!over && s.firstMark(item) < s.seq.Size(s.sent) || len(s.late) == maxLate) && s.conflict() {
		return
	}
	at := s.children - 1
	if s.unordered = s.unordered || !s.inOrder(); s.unordered {
		at = maxPlace // behind all, as it would be without a body
	}
	if over {
		at = -1
	}
	s.late = append(s.late, lateItem{item, at})
}

// inOrder reports whether the elements that are met were sent one after the other,
// from the first on: then what comes now has its place behind them.
func (s *Splicer) inOrder() bool {
	missing := false
	for i, item := range s.seq.Items[:s.merge.sent] {
		if item.Kind != document.Child {
			continue
		}
		if s.merge.met[i] && missing {
			return false
		}
		missing = missing || !s.merge.met[i]
	}
	return true
}

// firstMark returns where in the sequence's bytes the first thing of the body stands
// behind which an item must not come.
func (s *Splicer) firstMark(item document.Item) int {
	switch {
	case !item.PassedBy(document.Item{}):
		return s.seq.headSize()
	case item.Has(document.Async | document.Harmless):
	case item.Class == document.Readable:
		return s.seq.reads
	case item.Has(document.Title):
		return s.seq.title
	}
	return len(s.seq.Bytes)
}

// limitBody notes that an item of the stream is not in the sequence, so that it comes
// behind all of the body that is sent.
func (s *Splicer) limitBody(item document.Item) {
	s.bodyLimit = min(s.bodyLimit, max(s.seq.whole(s.firstMark(item)), len(s.seq.Items)))
}

// putLate lets out the late items, and adds to edits what moves them into the head.
func (s *Splicer) putLate(edits []Edit) []Edit {
	if len(s.late) == 0 {
		return edits
	}
	var e Edit
	names := make([]string, len(s.late))
	for i, l := range s.late {
		s.out = append(s.out, l.item.Raw...)
		names[i] = nodeName(l.item.Name)
		e.At = append(e.At, l.at)
	}
	e.Put = strings.Join(names, ",")
	s.late = nil
	return append(edits, e)
}

// nodeName returns what the DOM calls a node (DOM Standard, section 4.4 "nodeName"),
// of the elements of HTML, and svg.
func nodeName(name string) string {
	if name == "svg" || name[0] == '#' {
		return name
	}
	return strings.ToUpper(name)
}
