package opening

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headstart-proxy/headstart/internal/document"
)

// Host holds what the pages of one host of one handler have in common: their
// items, one copy of each, and which of these are suspect. It is safe for
// concurrent use.
//
// An item is shared if it is a stylesheet or a script, or as soon as a second
// page has it. What only one page has (its title, its canonical link) stays with
// the page.
type Host struct {
	ledger *atomic.Int64 // what all hosts take together, in bytes

	closed     atomic.Bool   // its pages are void
	suspicions atomic.Uint32 // how often an item became suspect

	mu     sync.Mutex // protects all below
	items  []*sharedItem
	free   []uint32          // unused places in items
	ids    map[uint64]uint32 // places in items, by hash
	frames map[uint64]*frame
	recent *[maxRecent]sighting // of items that are not shared
}

// sharedItem is an item that pages share. Host.mu protects what changes.
type sharedItem struct {
	item document.Item // never changed
	hash uint64
	refs int // heads that hold it

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

	hash uint64
	refs int
}

func (f *frame) equal(g *frame) bool {
	return f.charset == g.charset && f.bars == g.bars && slices.Equal(f.nonces, g.nonces) && f.headers.equal(g.headers)
}

func (f *frame) size() int {
	n := frameSize + f.headers.size()
	for _, nonce := range f.nonces {
		n += 16 + len(nonce)
	}
	return n
}

// sighting is an item seen on a page. Of those with one place the last stays.
type sighting struct {
	item uint64 // hash
	page uint32
}

const (
	maxRecent = 256

	// What an item or a frame costs beside its contents, in bytes.
	sharedItemSize = 192
	frameSize      = 192
	hostSize       = 1 << 10
)

var internSeed = maphash.MakeSeed()

// NewHost returns a Host that adds what it takes, in bytes, to a ledger.
func NewHost(ledger *atomic.Int64) *Host {
	ledger.Add(hostSize)
	return &Host{
		ledger: ledger,
		ids:    make(map[uint64]uint32),
		frames: make(map[uint64]*frame),
	}
}

// Close makes the pages of the host void: nothing learned from it is used any
// more.
func (h *Host) Close() {
	if !h.closed.Swap(true) {
		h.ledger.Add(-hostSize)
	}
}

// Closed reports whether Close was called.
func (h *Host) Closed() bool { return h.closed.Load() }

// share returns the place of an item if it is shared, or is to be shared now, and
// takes a reference to it.
func (h *Host) share(item document.Item, page uint32) (id uint32, ok bool) {
	hash := maphash.Bytes(internSeed, item.Raw)
	must := item.Has(document.Styles|document.Script) || !restores(item)
	h.mu.Lock()
	defer h.mu.Unlock()
	for ; ; hash++ { // two items with one hash stand next to each other
		if id, ok = h.ids[hash]; !ok {
			break
		}
		if s := h.items[id]; same(s.item, item) {
			s.refs++
			return id, true
		}
	}
	if !must && !h.elsewhere(hash, page) {
		return 0, false
	}
	return h.add(item, hash), true
}

// add shares an item, with one reference.
func (h *Host) add(item document.Item, hash uint64) (id uint32) {
	s := &sharedItem{item: item, hash: hash, refs: 1}
	s.item.Raw = bytes.Clone(item.Raw)
	if n := len(h.free); n > 0 {
		id, h.free = h.free[n-1], h.free[:n-1]
		h.items[id] = s
	} else {
		id = uint32(len(h.items)) //nolint:gosec // memory is full before that
		h.items = append(h.items, s)
	}
	h.ids[hash] = id
	h.ledger.Add(int64(sharedItemSize + len(item.Raw)))
	return id
}

// elsewhere notes that a page has an item, and reports whether another had it.
func (h *Host) elsewhere(hash uint64, page uint32) bool {
	if h.recent == nil {
		h.recent = new([maxRecent]sighting)
		h.ledger.Add(maxRecent * 16)
	}
	seen := &h.recent[hash%maxRecent]
	if seen.item == hash && seen.page != page {
		return true
	}
	*seen = sighting{hash, page}
	return false
}

// release gives up references to items.
func (h *Host) release(ids []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		s := h.items[id]
		if s.refs--; s.refs > 0 {
			continue
		}
		delete(h.ids, s.hash)
		h.items[id] = nil
		h.free = append(h.free, id)
		h.ledger.Add(-int64(sharedItemSize + len(s.item.Raw)))
	}
}

// frame returns the one copy of what an observation has beside its items, and takes
// a reference.
func (h *Host) frame(o *Observation) *frame {
	made := &frame{host: h, headers: o.Headers, charset: o.Charset, nonces: o.nonces, bars: o.bars, hash: o.Headers.hash()}
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.frames[made.hash]
	if f == nil || !f.equal(made) {
		f = made
		h.frames[f.hash] = f
		h.ledger.Add(int64(f.size()))
	}
	f.refs++
	return f
}

func (h *Host) releaseFrame(f *frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.refs--; f.refs > 0 {
		return
	}
	if h.frames[f.hash] == f { // else another with this hash took its place
		delete(h.frames, f.hash)
	}
	h.ledger.Add(-int64(f.size()))
}

// missing notes that a visitor's clean response did not hold items that the page
// had. In scope local one such answer makes an item suspect, in scope public two
// from different networks do.
func (h *Host) missing(ids []uint32, network uint64, rules Rules, now instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		s := h.items[id]
		confirmed := s.goneAt != 0 && s.goneFrom != network && now.since(s.goneAt) < maxDoubt
		s.goneFrom, s.goneAt = network, now
		if confirmed || !rules.Public {
			s.suspect = now
			h.suspicions.Add(1)
		}
	}
}

// suspectSince returns when one of the items last became suspect, 0 if none is.
func (h *Host) suspectSince(ids []uint32) (since instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		since = max(since, h.items[id].suspect)
	}
	return since
}

// maxDoubt is for how long what one network shows is remembered, to be confirmed
// by another.
const maxDoubt = 24 * time.Hour
