package splice

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/headstart-proxy/headstart/internal/document"
)

// merge joins a head item by item, from the first difference on.
//
// An item of the sequence is met when the stream brings one with the same bytes.
// It is pending if it was sent and not met. A harmless item is never waited for.
type merge struct {
	seq    *Sequence
	sent   int
	limit  int  // how many items could have been sent
	left   int  // pending items that matter
	unmet  int  // the same, of the whole sequence
	closed bool // there are no more items

	met      []bool
	cursor   []int32         // by the first item with the same bytes: the first of them that is not met
	low      [categories]int // before these all items of the category are met
	high     [categories]int // the last sent item of the category that was met, -1 if none
	replaced map[int]document.Item
	emitted  []document.Item // with Styles, in order
	slotLow  map[string]int  // before these all items of the slot are met, as an index into Sequence.slots
	slotHigh map[string]int  // the last sent item of the slot that was met
	filled   map[string]bool // slots of items that came late: none that was sent may come any more
	attrs    map[string]*string
}

// start begins a merge when the first items are met, as many as whole.
func (m *merge) start(seq *Sequence, sent, whole int) {
	m.seq, m.sent = seq, sent
	m.met = make([]bool, len(seq.Items))
	m.cursor = slices.Clone(seq.head)
	for i := range m.high {
		m.high[i] = -1
	}
	m.slotLow, m.slotHigh = make(map[string]int), make(map[string]int)
	m.filled = make(map[string]bool)
	for i, item := range seq.Items {
		if matters(item) {
			m.unmet++
			if i < sent {
				m.left++
			}
		}
	}
	for i := range whole {
		m.meet(i)
	}
}

// matters reports whether a pending item has to be accounted for.
func matters(item document.Item) bool { return !item.Has(document.Harmless) }

// meet notes that an item was met.
func (m *merge) meet(i int) {
	m.met[i] = true
	m.cursor[m.seq.head[i]] = m.seq.next[i]
	if matters(m.seq.Items[i]) {
		m.unmet--
		if i < m.sent && !m.isReplaced(i) {
			m.left--
		}
	}
	if i < m.sent {
		for c := range categories {
			if m.seq.cats[i]&(1<<c) != 0 {
				m.high[c] = max(m.high[c], i)
			}
		}
		if slot := m.seq.Items[i].Slot; slot != "" {
			m.slotHigh[slot] = max(m.slotHigh[slot], i)
		}
	}
}

// pendingIn returns the first unmet item that fills a slot, len(Items) if there is
// none.
func (m *merge) pendingIn(slot string) int {
	if slot == "" {
		return len(m.seq.Items)
	}
	all := m.seq.slots[slot]
	at := m.slotLow[slot]
	for at < len(all) && m.met[all[at]] {
		at++
	}
	m.slotLow[slot] = at
	if at == len(all) {
		return len(m.seq.Items)
	}
	return all[at]
}

// measured reports whether the limit can change no more.
func (m *merge) measured() bool { return m.closed || m.unmet == 0 || m.limit <= m.sent }

// finish says that there are no more items.
func (m *merge) finish() {
	m.closed = true
	for i, met := range m.met {
		if !met && matters(m.seq.Items[i]) {
			m.limit = min(m.limit, i)
			return
		}
	}
}

// find returns the first unmet item of the sequence with the bytes of item, or -1.
func (m *merge) find(item document.Item) int {
	first, ok := m.seq.same[string(item.Raw)]
	if !ok {
		return -1
	}
	return int(m.cursor[first])
}

// pending returns the first unmet item of one of the categories, len(Items) if
// there is none.
func (m *merge) pending(cats category) int {
	first := len(m.seq.Items)
	for c := range categories {
		if cats&(1<<c) == 0 {
			continue
		}
		for m.low[c] < len(m.met) && (m.met[m.low[c]] || m.isReplaced(m.low[c]) || m.seq.cats[m.low[c]]&(1<<c) == 0) {
			m.low[c]++
		}
		first = min(first, m.low[c])
	}
	return first
}

func (m *merge) isReplaced(i int) bool {
	_, ok := m.replaced[i]
	return ok
}

// overtaken reports whether a sent item that comes now was sent before one that
// came already, and the order of the two matters.
func (m *merge) overtaken(i int) bool {
	if slot := m.seq.Items[i].Slot; slot != "" && m.slotHigh[slot] > i {
		return true
	}
	conflicts := m.seq.cats[i].conflicts() &^ async // which may run at any time after it
	for c := range categories {
		if conflicts&(1<<c) != 0 && m.high[c] > i {
			return true
		}
	}
	return false
}

// take joins one item of the stream.
func (s *Splicer) take(item document.Item) {
	m := &s.merge
	i := m.find(item)
	if item.Kind == document.Child {
		s.children++
	}
	otherHTML := i < 0 && item.Kind == document.HTML && m.seq.html >= 0 && !m.met[m.seq.html]
	if otherHTML {
		i = m.seq.html
	}
	if i < 0 {
		s.limitBody(item)
	}
	cats := categoryOf(item)
	switch {
	case i >= 0:
	case cats&structure != 0:
		s.misplaced()
	case item.Has(document.Policy):
		// Behind it the page may not be able to correct itself.
		cats = structure
		if s.state == Merging && (m.left > 0 || len(m.replaced) > 0) {
			s.conflict()
		}
	}
	if s.state == Differs {
		return
	}
	// What waits in front of this item and may not change places with it. To
	// have sent that would have been wrong.
	waits := m.pending(cats.conflicts())
	rival := m.pendingIn(item.Slot)
	if first := min(waits, rival); i < 0 || first < i {
		m.limit = min(m.limit, first)
	}
	merging := s.state == Merging
	switch {
	case otherHTML:
		s.takeHTML(item, i)
	case i >= 0 && i < m.sent:
		if merging && (m.overtaken(i) || m.isReplaced(i) || m.filled[item.Slot]) && s.conflict() {
			return
		}
		m.meet(i)
	default:
		if merging {
			if item.Slot != "" {
				m.filled[item.Slot] = true
			}
			s.emit(item, waits)
		}
		if i >= 0 {
			m.meet(i)
		}
	}
	s.resolveEarly()
}

// resolveEarly ends the merge as soon as nothing is pending that matters. But if
// the stream may still bring a tag that has its place before what was sent, or
// before what has to be done to the page, that is waited for.
func (s *Splicer) resolveEarly() {
	m := &s.merge
	if s.shell() {
		return // what comes late is moved into the head all at once
	}
	early := m.seq.child < m.sent || len(m.attrs) > 0
	if s.state == Merging && m.left == 0 && (!early || s.scanner.InHead()) {
		s.resolve()
	}
}

// misplaced takes a doctype, <html> or <head> that was not sent. Behind a child of
// head the parser would ignore it.
func (s *Splicer) misplaced() {
	m := &s.merge
	m.limit = min(m.limit, m.seq.child)
	if s.state == Merging && (m.seq.child < m.sent || s.shell()) {
		s.conflict()
	}
}

// emit passes on an item that was not sent, if it may come behind what was.
func (s *Splicer) emit(item document.Item, waits int) {
	m := &s.merge
	over := false
	if waits < m.sent {
		if over = m.replaces(item, waits); over {
			if m.replaced == nil {
				m.replaced = make(map[int]document.Item)
			}
			m.replaced[waits] = item
			m.left--
		} else if s.conflict() {
			return
		}
	}
	if s.shell() {
		s.emitLate(item, over)
		return
	}
	if item.Has(document.Styles) {
		m.emitted = append(m.emitted, item)
	}
	s.out = append(s.out, item.Raw...)
}

// replaces reports whether an item may be a changed stylesheet in the slot of a
// pending one. Should the pending one come after all, the page is loaded again.
func (m *merge) replaces(item document.Item, waits int) bool {
	return item.Has(document.Styles) && m.seq.Items[waits].Has(document.Styles) && m.find(item) < 0 && !m.overtaken(waits)
}

// takeHTML joins an <html> tag with other attributes than were sent. The parser
// adds those that are missing (HTML Standard, section 13.2.6.4.7), and only those.
func (s *Splicer) takeHTML(item document.Item, i int) {
	m := &s.merge
	changed := make(map[string]*string)
	now, before := item.Attributes(), m.seq.Items[i].Attributes()
	for _, sent := range before {
		at := slices.IndexFunc(now, func(a html.Attribute) bool { return a.Key == sent.Key })
		switch {
		case at < 0:
			changed[sent.Key] = nil
		case now[at].Val != sent.Val:
			changed[sent.Key] = &now[at].Val
		}
	}
	if len(changed) > 0 {
		m.limit = min(m.limit, i)
	}
	// What a script may have looked for must not come after it.
	late := slices.ContainsFunc(now, func(a html.Attribute) bool {
		return document.Visible(a.Key) && !slices.ContainsFunc(before, func(b html.Attribute) bool { return a.Key == b.Key })
	})
	if late {
		m.limit = min(m.limit, m.seq.script)
		s.bodyLimit = min(s.bodyLimit, s.seq.whole(s.seq.firstMark(document.Script)))
	}
	if s.state == Merging {
		seen := s.sentScript(0)
		if i < m.sent && late && seen && s.conflict() {
			return
		}
		if i < m.sent && len(changed) > 0 {
			if (seen || !nameable(changed)) && s.conflict() {
				return
			}
			m.attrs = changed
		}
		s.out = append(s.out, item.Raw...)
	}
	m.meet(i)
}

// nameable reports whether a script may change attributes: none of them handles
// events, and they and their values can be written, whatever the charset.
func nameable(attrs map[string]*string) bool {
	for key, value := range attrs {
		if key == "" || key[0] < 'a' || !isPlain(key) || strings.HasPrefix(key, "on") || value != nil && !document.IsASCII(*value) {
			return false
		}
	}
	return true
}

// isPlain reports whether a name has only lower-case letters of ASCII, digits and dashes,
// so that it means the same in the DOM, in a selector and to every script.
func isPlain(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// conflict says that what was sent cannot become the backend's page, and reports
// whether that ends the merge.
func (s *Splicer) conflict() bool {
	if !s.lenient {
		s.fail()
	}
	return !s.lenient
}
