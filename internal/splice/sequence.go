package splice

import (
	"bytes"
	"slices"

	"github.com/headstart-proxy/headstart/internal/document"
)

// Sequence is what is known of a page: the items of its head that may be sent, in
// the order in which they are sent, and behind them the first part of its body,
// which may be cut at each of its points. It is never changed, so requests share it.
//
// Lengths count steps: each item of the head is one, and each part of the body from
// one point to the next.
type Sequence struct {
	Items []document.Item // of the head
	Bytes []byte          // of all items and the body

	ends  []int            // where in Bytes each step ends
	marks []document.Mark  // of the body, with their places in Bytes
	reads int              // where the first stands that may read the head, len(Bytes) if none does
	title int              // the same, the title
	cats  []category       // of each item
	same  map[string]int32 // by bytes: the first item with them
	next  []int32          // the next item with the same bytes, or -1
	head  []int32          // the first item with the same bytes
	html  int              // the <html> tag, or -1

	// The first child of head, and the first script; len(Items) if there is none.
	child, script int

	slots map[string][]int // the items that fill a slot
}

// NewSequence makes a Sequence of the items of a head. It keeps them.
func NewSequence(items []document.Item) *Sequence { return NewShell(items, document.Body{}) }

// NewShell makes a Sequence of the items of a head and of the body that follows
// them. It keeps the items.
func NewShell(items []document.Item, body document.Body) *Sequence {
	s := &Sequence{
		Items: items,
		ends:  make([]int, len(items), len(items)+len(body.Points)),
		cats:  make([]category, len(items)),
		same:  make(map[string]int32, len(items)),
		next:  make([]int32, len(items)),
		head:  make([]int32, len(items)),
		html:  -1,
		slots: make(map[string][]int),

		child:  firstItem(items, func(item document.Item) bool { return item.Kind == document.Child }),
		script: firstItem(items, func(item document.Item) bool { return item.Has(document.Script) }),
	}
	last := make(map[int32]int32, len(items))
	for i, item := range items {
		s.Bytes = append(s.Bytes, item.Raw...)
		s.ends[i] = len(s.Bytes)
		s.cats[i] = categoryOf(item)
		s.next[i] = -1
		if item.Slot != "" {
			s.slots[item.Slot] = append(s.slots[item.Slot], i)
		}
		if item.Kind == document.HTML {
			s.html = i
		}
		first, known := s.same[string(item.Raw)]
		if known {
			s.next[last[first]] = int32(i)
		} else {
			first = int32(i)
			s.same[string(item.Raw)] = first
		}
		s.head[i], last[first] = first, int32(i)
	}
	s.addBody(body)
	return s
}

func (s *Sequence) addBody(body document.Body) {
	if len(body.Points) == 0 {
		return
	}
	start, end := len(s.Bytes), body.Points[len(body.Points)-1].Offset
	s.Bytes = append(s.Bytes, body.Bytes[:end]...)
	for _, p := range body.Points {
		s.ends = append(s.ends, start+p.Offset)
	}
	for _, m := range body.Marks {
		if m.Offset < end {
			s.marks = append(s.marks, document.Mark{Offset: start + m.Offset, Traits: m.Traits})
		}
	}
	s.reads = s.barring(document.Item{Class: document.Readable})
	s.title = s.barring(document.Item{Class: document.Inert, Traits: document.Title})
}

// barring returns where in Bytes the first element of the body stands behind which an
// item of the head must not come.
func (s *Sequence) barring(item document.Item) int {
	for _, m := range s.marks {
		if !item.PassedBy(document.Item{Traits: m.Traits}) {
			return m.Offset
		}
	}
	return len(s.Bytes)
}

// Len returns how many steps there are.
func (s *Sequence) Len() int { return len(s.ends) }

// Shell reports whether the first n steps go on into the body.
func (s *Sequence) Shell(n int) bool { return n > len(s.Items) }

// Head returns the items of the head among the first n steps.
func (s *Sequence) Head(n int) []document.Item { return s.Items[:min(n, len(s.Items))] }

// Body returns what the first n steps hold of the body.
func (s *Sequence) Body(n int) []byte {
	if !s.Shell(n) {
		return nil
	}
	return s.Bytes[s.headSize():s.Size(n)]
}

// headSize returns how many bytes the items of the head have.
func (s *Sequence) headSize() int { return s.Size(len(s.Items)) }

// firstMark returns where the first mark with one of the traits stands in Bytes,
// their length if there is none.
func (s *Sequence) firstMark(t document.Traits) int {
	for _, m := range s.marks {
		if m.Traits&t != 0 {
			return m.Offset
		}
	}
	return len(s.Bytes)
}

// Common returns how many leading steps two sequences have alike.
func (s *Sequence) Common(t *Sequence) int {
	n := 0
	for n < s.Len() && n < t.Len() && s.ends[n] == t.ends[n] {
		from := s.Size(n)
		if (n < len(s.Items)) != (n < len(t.Items)) || !bytes.Equal(s.Bytes[from:s.ends[n]], t.Bytes[from:t.ends[n]]) {
			break
		}
		n++
	}
	return n
}

// Steps returns how many steps the first bytes of a body make, behind all items of
// the head.
func (s *Sequence) Steps(body []byte) int {
	start := s.headSize()
	want := s.Bytes[start:]
	n := 0
	for n < len(body) && n < len(want) && body[n] == want[n] {
		n++
	}
	return s.whole(start + n)
}

// firstItem returns the index of the first item of a kind, len(items) if there is
// none.
func firstItem(items []document.Item, is func(document.Item) bool) int {
	if i := slices.IndexFunc(items, is); i >= 0 {
		return i
	}
	return len(items)
}

// Size returns how many bytes the first n steps have together.
func (s *Sequence) Size(n int) int {
	if n == 0 {
		return 0
	}
	return s.ends[n-1]
}

// whole returns how many steps lie within the first n bytes.
func (s *Sequence) whole(n int) int {
	i, found := slices.BinarySearch(s.ends, n)
	if found {
		return i + 1
	}
	return i
}

// With returns the sequence with other bytes of the same lengths: those of the
// items with the nonces of one response. It is for one Splicer, which makes the
// items from them where it needs them: few responses differ in their head.
func (s *Sequence) With(bytes []byte) *Sequence {
	c := *s
	c.Bytes = bytes
	c.same = nil
	return &c
}

// known returns the item with these bytes.
func (s *Sequence) known(raw []byte) (document.Item, bool) {
	if i, ok := s.same[string(raw)]; ok {
		return s.Items[i], true
	}
	return document.Item{}, false
}

// index makes sure that the items are made from Bytes, and can be found by theirs.
func (s *Sequence) index() {
	if s.same != nil {
		return
	}
	s.same = make(map[string]int32, len(s.Items))
	s.Items = slices.Clone(s.Items)
	for i := range s.Items {
		end := s.ends[i]
		raw := s.Bytes[end-len(s.Items[i].Raw) : end]
		s.Items[i].Raw = raw
		if s.head[i] == int32(i) {
			s.same[string(raw)] = int32(i)
		}
	}
}

// category says what an item gets in the way of.
type category uint8

const (
	barrier    category = 1 << iota // nothing may pass it
	readable                        //
	runs                            // a script that runs at once
	title                           //
	readsTitle                      // an inline script that does
	inert                           //
	structure                       // doctype, <html> and <head> have their place
	async                           // a script without order
)

const categories = 8

// categoryOf derives it from the table of classes in package document. An item
// without a category has no order at all.
func categoryOf(item document.Item) (c category) {
	switch {
	case item.Has(document.Harmless):
		return 0
	case item.Has(document.Async):
		return async
	case item.Kind != document.Child:
		return structure
	case item.Class == document.Readable:
		return readable
	case item.Has(document.Title):
		return title
	case item.Class == document.Inert:
		return inert
	}
	c = barrier
	if item.Has(document.Runs) {
		c |= runs
	}
	if item.Has(document.ReadsTitle) {
		c |= readsTitle
	}
	return c
}

// conflicts returns the categories of items with which one of category c may not
// change places. It is document.Item.PassedBy, in both directions, for sets, but
// for slots.
func (c category) conflicts() (with category) {
	if c&structure != 0 {
		return barrier | readable | title | inert | structure | async
	}
	if c != 0 {
		with = structure
	}
	if c&barrier != 0 {
		with |= barrier
	}
	if c&runs != 0 {
		with |= readable
	}
	if c&readable != 0 {
		with |= runs | async
	}
	if c&readsTitle != 0 {
		with |= title
	}
	if c&title != 0 {
		with |= readsTitle
	}
	return with
}
