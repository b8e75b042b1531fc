package opening

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/hints"
)

// fate is what becomes of an item of the merged head.
type fate string

const (
	flushed  fate = "flushed"  // it is stable, and sent early
	deferred fate = "deferred" // it is volatile, and sent when the backend answers
	hinted   fate = "hinted"   // it is sent when the backend answers, and named in a Link before
	stopped  fate = "stopped"  // nothing is sent from here on
	behind   fate = "behind"   // so this is not, either
)

// step is one item of the merged head, in document order.
type step struct {
	item   document.Item
	stable bool
	fate   fate
}

// merged is what heads make together.
type merged struct {
	steps []step
	late  []document.Item // those that are not sent early
	// partial is whether attributes of <html> come late.
	partial bool
	// ends is whether what is sent goes to the end of the head, so that a body may
	// follow.
	ends bool
}

// mergeHeads merges observations item by item: what all have, in order, is
// stable, all else is volatile.
func mergeHeads(lists [][]document.Item, earlyAsync bool) merged {
	lists, partial, guarded := mergeHTML(lists)
	stable := lists[0]
	for _, list := range lists[1:] {
		stable = common(stable, list)
	}
	m := merger{earlyAsync: earlyAsync, guarded: guarded}
	for i, gap := range gapsOf(stable, lists) {
		for _, item := range gap {
			m.addVolatile(item)
		}
		if i < len(stable) {
			m.addStable(stable[i])
		}
	}
	return merged{steps: m.steps, late: m.late, partial: partial, ends: !m.stopped && !guarded}
}

// merger decides the fate of one item after the other.
type merger struct {
	earlyAsync bool
	guarded    bool // no script may be sent before the full <html> tag
	steps      []step
	late       []document.Item // those that others are sent before
	stopped    bool
}

func (m *merger) addVolatile(item document.Item) {
	s := step{item: item, fate: deferred}
	switch {
	case m.stopped:
		s.fate = behind
	case item.Class == document.Barrier && !item.Has(document.Harmless|document.Async):
		s.fate = stopped
		m.stopped = true
	}
	m.late = append(m.late, item)
	m.steps = append(m.steps, s)
}

func (m *merger) addStable(item document.Item) {
	s := step{item: item, stable: true, fate: flushed}
	switch {
	case m.stopped:
		s.fate = behind
	case item.Has(document.Async) && !m.earlyAsync:
		s.fate = deferred
	case m.guarded && item.Has(document.Script),
		slices.ContainsFunc(m.late, func(late document.Item) bool { return !late.PassedBy(item) }):
		s.fate = stopped
		m.stopped = true
	}
	if s.fate != flushed {
		if hints.Asks(item) {
			s.fate = hinted
		}
		m.late = append(m.late, item)
	}
	m.steps = append(m.steps, s)
}

// mergeHTML makes the <html> tags alike: an attribute that differs or is missing
// in one of them is left out, and one with a value that cannot be written in every
// charset: then they are partial. guarded is set if a script or a style could tell.
func mergeHTML(lists [][]document.Item) (made [][]document.Item, partial, guarded bool) {
	at := make([]int, len(lists))
	tags := make([][]html.Attribute, len(lists))
	alike := true
	for i, list := range lists {
		at[i] = slices.IndexFunc(list, func(item document.Item) bool { return item.Kind == document.HTML })
		if at[i] < 0 {
			return lists, false, false
		}
		alike = alike && same(list[at[i]], lists[0][at[0]])
	}
	if alike {
		return lists, false, false
	}
	for i, list := range lists {
		tags[i] = list[at[i]].Attributes()
	}
	kept := slices.DeleteFunc(slices.Clone(tags[0]), func(a html.Attribute) bool {
		return !document.IsASCII(a.Val) || slices.ContainsFunc(tags, func(tag []html.Attribute) bool { return !slices.Contains(tag, a) })
	})
	for _, tag := range tags {
		for _, a := range tag {
			if slices.Contains(kept, a) {
				continue
			}
			if strings.HasPrefix(a.Key, "on") {
				return lists, false, false // the tag is volatile as a whole, and nothing may pass it
			}
			partial = true
			guarded = guarded || document.Visible(a.Key)
		}
	}
	tag := lists[0][at[0]]
	tag.Raw = document.Tag("html", kept)
	made = make([][]document.Item, len(lists))
	for i, list := range lists {
		made[i] = slices.Clone(list)
		made[i][at[i]] = tag
	}
	return made, partial, guarded
}

// maxCells bounds the table of common, in cells.
const maxCells = 1 << 20

// common returns the longest list of items that both have, in order. What is
// alike at the beginning and at the end costs nothing. If what is between is too
// much, only the beginning counts.
func common(a, b []document.Item) []document.Item {
	n := 0
	for n < len(a) && n < len(b) && same(a[n], b[n]) {
		n++
	}
	out := slices.Clone(a[:n])
	a, b = a[n:], b[n:]
	m := 0
	for m < len(a) && m < len(b) && same(a[len(a)-1-m], b[len(b)-1-m]) {
		m++
	}
	tail := a[len(a)-m:]
	a, b = a[:len(a)-m], b[:len(b)-m]
	if len(a)*len(b) > maxCells {
		return out
	}
	return append(append(out, longest(a, b)...), tail...)
}

// longest is common by dynamic programming: best[i][j] is the length for a[i:]
// and b[j:].
func longest(a, b []document.Item) (out []document.Item) {
	width := len(b) + 1
	best := make([]uint32, (len(a)+1)*width)
	for i, itemA := range slices.Backward(a) {
		for j, itemB := range slices.Backward(b) {
			if same(itemA, itemB) {
				best[i*width+j] = best[(i+1)*width+j+1] + 1
			} else {
				best[i*width+j] = max(best[(i+1)*width+j], best[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case same(a[i], b[j]):
			out = append(out, a[i])
			i++
			j++
		case best[(i+1)*width+j] >= best[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

func same(a, b document.Item) bool { return string(a.Raw) == string(b.Raw) }

// gapsOf returns the volatile items: gaps[i] are those in front of stable[i], the
// last those behind all.
func gapsOf(stable []document.Item, lists [][]document.Item) [][]document.Item {
	gaps := make([][]document.Item, len(stable)+1)
	for _, list := range lists {
		at := 0
		for _, item := range list {
			if at < len(stable) && same(item, stable[at]) {
				at++
			} else {
				gaps[at] = append(gaps[at], item)
			}
		}
	}
	return gaps
}
