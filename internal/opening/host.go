package opening

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headstart-proxy/headstart/internal/hints"
)

// Host holds what the pages of one host of one handler have in common: their
// items and the blocks of their bodies, one copy of each, and which of these are
// suspect. It is safe for concurrent use. A block is an item, too, in what follows.
//
// An item is shared if it is a stylesheet, a script or a block, or as soon as a
// second page has it. What only one page has (its title, its canonical link) stays
// with the page.
//
// Memory is paid for by who causes it: an item that one page alone has is part of
// that page's size, and so is a frame. Once another page has it, it is in the
// ledger.
type Host struct {
	ledger *atomic.Int64 // what all hosts take together, in bytes

	closed     atomic.Bool   // its pages are void
	suspicions atomic.Uint32 // how often an item became suspect

	mu     sync.Mutex // protects all below
	items  table[uint32, *sharedItem]
	last   uint32                // the number that the last new item got
	ids    table[uint64, uint32] // numbers of items, by hash
	frames table[uint64, *frame]
	recent *[maxRecent]sighting // of items that are not shared
	sites  []*siteOpening       // what its pages ask for alike
	heads  int                  // of pages, that hold items and frames
	own    int                  // what the ledger holds for the host itself, in bytes
}

// sharedItem is an item that pages share. Host.mu protects what changes.
type sharedItem struct {
	raw  []byte // never changed
	hash uint64
	refs uint32 // heads that hold it
	page uint32 // the only page that ever had it, 0 if there are more

	goneFrom uint64  // the network whose visitor was the last to miss it on a page
	goneAt   instant // when
	suspect  instant // since when it may be gone for all; 0 if it is not suspect
}

// frame is what the responses of a host have alike as a rule, beside their items.
// It is never changed but for refs, which Host.mu protects.
type frame struct {
	host    *Host
	headers Headers
	charset string
	nonces  []string
	bars    Reason
	links   []hints.Link // of the headers, and of 103 responses

	hash uint64
	refs uint32
	page uint32 // as in sharedItem
}

func (f *frame) equal(g *frame) bool {
	return f.charset == g.charset && f.bars == g.bars && slices.Equal(f.nonces, g.nonces) && slices.Equal(f.links, g.links) && f.headers.equal(g.headers)
}

func (f *frame) size() int {
	n := frameSize + f.headers.size()
	for _, nonce := range f.nonces {
		n += 16 + len(nonce)
	}
	for _, l := range f.links {
		n += linkSize + l.Size()
	}
	return n
}

// sighting is an item seen on a page. Of those with one place the last stays.
type sighting struct {
	item uint32 // a part of the hash
	page uint32
}

const (
	maxRecent = 128

	// What an item, a frame, a Link or a host costs beside its contents, in bytes.
	sharedItemSize = 160
	frameSize      = 160
	linkSize       = 160
	hostSize       = 768

	// MaxHostSize is what a host takes for itself as a rule, in bytes, beside what its
	// pages share: learn_after votes, which ask for the same.
	MaxHostSize = hostSize + 8*maxRecent + 4<<10
)

func (s *sharedItem) size() int { return sharedItemSize + len(s.raw) }

var internSeed = maphash.MakeSeed()

// NewHost returns a Host that adds what it takes, in bytes, to a ledger.
func NewHost(ledger *atomic.Int64) *Host {
	h := &Host{ledger: ledger}
	h.settle()
	return h
}

// Close makes the pages of the host void: nothing learned from it is used any
// more.
func (h *Host) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed.Store(true)
	h.recent, h.sites = nil, nil
	h.settle()
}

// settle puts into the ledger what the host takes for itself: something as long as
// it is open, or pages hold something of it.
func (h *Host) settle() {
	own := hostSize + h.sizeOfSites()
	switch {
	case h.recent != nil:
		own += 8 * maxRecent
	case h.closed.Load() && h.heads == 0:
		own = 0
	}
	h.ledger.Add(int64(own - h.own))
	h.own = own
}

// Closed reports whether Close was called.
func (h *Host) Closed() bool { return h.closed.Load() }

// share returns the place of an item if it is shared, or is to be shared now, and
// takes a reference to it.
// must says that it is to be shared in any case.
func (h *Host) share(raw []byte, must bool, page uint32) (id uint32, ok bool) {
	hash := maphash.Bytes(internSeed, raw)
	h.mu.Lock()
	defer h.mu.Unlock()
	for ; ; hash++ { // two items with one hash stand next to each other
		if id, ok = h.ids.get(hash); !ok {
			break
		}
		if s := h.items.entries[id]; bytes.Equal(s.raw, raw) {
			s.refs++
			if s.page != 0 && s.page != page {
				s.page = 0
				h.ledger.Add(int64(s.size()))
			}
			return id, true
		}
	}
	if !must && !h.elsewhere(hash, page) {
		return 0, false
	}
	if !must {
		page = 0 // another had it
	}
	return h.add(raw, hash, page), true
}

// add shares an item of a page, with one reference.
func (h *Host) add(raw []byte, hash uint64, page uint32) (id uint32) {
	s := &sharedItem{raw: bytes.Clone(raw), hash: hash, refs: 1, page: page}
	for taken := true; taken; { // ends: memory is full before all numbers are
		h.last++
		_, taken = h.items.get(h.last)
	}
	h.items.put(h.last, s)
	h.ids.put(hash, h.last)
	if page == 0 {
		h.ledger.Add(int64(s.size()))
	}
	return h.last
}

// elsewhere notes that a page has an item, and reports whether another had it.
func (h *Host) elsewhere(hash uint64, page uint32) bool {
	if h.closed.Load() {
		return false
	}
	if h.recent == nil {
		h.recent = new([maxRecent]sighting)
		h.settle()
	}
	seen, part := &h.recent[hash%maxRecent], uint32(hash>>32)
	if seen.item == part && seen.page != page {
		return true
	}
	*seen = sighting{part, page}
	return false
}

// release gives up references to items.
func (h *Host) release(ids []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		s := h.items.entries[id]
		if s.refs--; s.refs > 0 {
			continue
		}
		h.ids.delete(s.hash)
		h.items.delete(id)
		if s.page == 0 {
			h.ledger.Add(-int64(s.size()))
		}
	}
}

// frame returns the one copy of what an observation of a page has beside its items,
// and takes a reference.
func (h *Host) frame(o *Observation, page uint32) *frame {
	made := &frame{
		host: h, headers: o.Headers, charset: o.Charset, nonces: o.nonces, bars: o.bars, links: o.Headers.links(o.Interim),
		hash: o.Headers.hash(), page: page,
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f, _ := h.frames.get(made.hash)
	switch {
	case f == nil || !f.equal(made):
		f = made
		h.frames.put(f.hash, f)
		if page == 0 {
			h.ledger.Add(int64(f.size()))
		}
	case f.page != 0 && f.page != page:
		f.page = 0
		h.ledger.Add(int64(f.size()))
	}
	f.refs++
	h.heads++
	h.settle()
	return f
}

func (h *Host) releaseFrame(f *frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heads--
	h.settle()
	if f.refs--; f.refs > 0 {
		return
	}
	if found, _ := h.frames.get(f.hash); found == f { // else another with this hash took its place
		h.frames.delete(f.hash)
	}
	if f.page == 0 {
		h.ledger.Add(-int64(f.size()))
	}
}

// alone returns what the items and frames take, in bytes, that only the page with
// these heads has.
func (h *Host) alone(heads []*head) (size int) {
	list := make([]uint32, 0, 32)
	frames := make([]*frame, 0, 4)
	for _, head := range heads {
		list = append(list, ids(head.code)...)
		if !slices.Contains(frames, head.frame) {
			frames = append(frames, head.frame)
		}
	}
	slices.Sort(list)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range slices.Compact(list) {
		if s := h.items.entries[id]; s.page != 0 {
			size += s.size()
		}
	}
	for _, f := range frames {
		if f.page != 0 {
			size += f.size()
		}
	}
	return size
}

// missing notes that a visitor's clean response did not hold items that the page
// had. In scope local one such answer makes an item suspect, in scope public two
// from different networks do.
func (h *Host) missing(ids []uint32, network uint64, rules Rules, now instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		s := h.items.entries[id]
		confirmed := s.goneAt != 0 && s.goneFrom != network && now.since(s.goneAt) < maxDoubt
		s.goneFrom, s.goneAt = network, now
		if confirmed || !rules.Public {
			s.suspect = max(s.suspect, now)
			h.suspicions.Add(1)
		}
	}
}

// present notes that a visitor's clean response held items: what others had to say
// against them waits for no confirmation any more.
func (h *Host) present(ids []uint32, network uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if s := h.items.entries[id]; s.goneFrom != network {
			s.goneAt = 0
		}
	}
}

// suspects returns which of some items became suspect at a time or later.
func (h *Host) suspects(ids []uint32, from instant) (suspects []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if s := h.items.entries[id].suspect; s != 0 && s >= from {
			suspects = append(suspects, id)
		}
	}
	return suspects
}

// maxDoubt is for how long what one network shows is remembered, to be confirmed
// by another.
const maxDoubt = 24 * time.Hour
