package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// Store holds pages by key, and the hosts that they belong to by handler.
//
// Its memory goes to four things: what each page has for itself; what the pages of
// a host share, which only the hosts know, so the pages get what it leaves; what
// is ready to be sent of the pages that are asked for often, a quarter; and the
// hashes of keys that were seen once, of those that answered with no page, and of
// downloads that no browser can keep.
type Store struct {
	pages *otter.Cache[request.Key, *opening.Page]
	warm  *otter.Cache[request.Key, warmed]

	maximum atomic.Uint64 // bytes
	shared  atomic.Int64  // what hosts take, in bytes
	once    sightings
	refused sightings
	wasted  sightings
	doubted sightings // downloads that one network found to be of no use
	budget  budget

	mu    sync.Mutex // protects all below
	turn  uint64     // counts calls of Room
	rooms map[string]*Room
}

// warmed is a page with what Cool gives back.
type warmed struct {
	page   *opening.Page
	weight uint32
}

// entrySize is what the caches take for a page beside the page, in bytes.
const entrySize = 240

// New returns a store of at most maxBytes.
func New(maxBytes uint64) (*Store, error) {
	s := &Store{rooms: make(map[string]*Room)}
	inline := func(f func()) { f() } // no goroutines of its own
	var err error
	s.pages, err = otter.New(&otter.Options[request.Key, *opening.Page]{
		MaximumWeight: maxBytes,
		// The cache weighs under its own locks, where the page's must not be taken.
		Weigher:  func(_ request.Key, p *opening.Page) uint32 { return p.Weight().Load() },
		Executor: inline,
		OnDeletion: func(e otter.DeletionEvent[request.Key, *opening.Page]) {
			if e.Cause == otter.CauseReplacement { // by the same page
				return
			}
			e.Value.Close()
			if e.Value.Warm() {
				s.warm.Invalidate(e.Key)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("store of pages: %w", err)
	}
	s.warm, err = otter.New(&otter.Options[request.Key, warmed]{
		MaximumWeight: maxBytes,
		Weigher:       func(_ request.Key, w warmed) uint32 { return w.weight },
		Executor:      inline,
		OnDeletion: func(e otter.DeletionEvent[request.Key, warmed]) {
			if e.Cause != otter.CauseReplacement {
				e.Value.page.Cool()
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("store of what is ready to be sent: %w", err)
	}
	s.SetMaximum(maxBytes)
	return s, nil
}

// SetMaximum sets how many bytes the store may take. What is too much goes at
// once.
func (s *Store) SetMaximum(maxBytes uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maximum.Store(maxBytes)
	s.divide()
	s.once.resize(maxBytes / 64)
	few := min(maxBytes/256, 64<<10)
	s.refused.resize(few)
	s.wasted.resize(few)
	s.doubted.resize(few)
	s.warm.SetMaximum(maxBytes / 4)
	s.pages.SetMaximum(s.share())
}

// share is what is left for pages. There is always something: the pages that share
// too much have to be pushed out by others.
func (s *Store) share() uint64 {
	maximum := s.maximum.Load()
	left := int64(maximum-maximum/4-maximum/32) - s.shared.Load() //nolint:gosec // far from the limit
	return uint64(max(left, int64(maximum/256)))                  //nolint:gosec // positive
}

// balance gives the pages what the hosts leave.
func (s *Store) balance() {
	share, now := s.share(), s.pages.GetMaximum()
	if step := s.maximum.Load() / 128; share+step < now || share > now+step {
		s.pages.SetMaximum(share)
	}
}

// Get returns the page of a key, or nil if none was learned.
func (s *Store) Get(key request.Key) *opening.Page {
	page, ok := s.pages.GetIfPresent(key)
	if !ok {
		return nil
	}
	if host := page.Host(); host != nil && host.Closed() {
		s.pages.Invalidate(key)
		return nil
	}
	if page.Warm() {
		s.warm.GetIfPresent(key) // so that it stays
	}
	return page
}

// Admits reports whether a page may be learned that is not there yet. While the
// store is less than half full every page may. Then those of keys that were asked
// for before may; of others a hash is kept and nothing else, so that a flood of
// keys that are seen once takes no memory.
func (s *Store) Admits(key request.Key) bool {
	if s.pages.WeightedSize() < s.pages.GetMaximum()/2 {
		return true
	}
	return s.once.again(sightingOf(key))
}

// Refused reports whether the last answer was no page, by a hash of the page and of the
// kind of visitor. It may be forgotten when many others were refused since.
func (s *Store) Refused(hash uint64) bool { return s.refused.has(sighting(hash)) }

// Answered takes note of whether an answer was a page, see Refused.
func (s *Store) Answered(hash uint64, refused bool) { s.refused.note(sighting(hash), refused) }

// Wasteful reports whether the download of a hash cannot be used by a browser that has it.
// It may be forgotten when many others were seen since.
func (s *Store) Wasteful(hash uint64) bool { return s.wasted.has(sighting(hash)) }

// NoteAsset takes note of whether a download can be used, see Wasteful. That it cannot is
// believed when two networks have found it so; network is a hash of the one that did now, 0
// if one is enough.
func (s *Store) NoteAsset(hash uint64, reusable bool, network uint64) {
	if reusable || network == 0 || s.doubted.other(sighting(hash), network) {
		s.wasted.note(sighting(hash), !reusable)
	}
}

// Grown takes note of the present size of a page if it is in.
func (s *Store) Grown(key request.Key, page *opening.Page) {
	weight := weigh(page)
	if weight == page.Weight().Load() {
		return
	}
	s.pages.ComputeIfPresent(key, func(old *opening.Page) (*opening.Page, otter.ComputeOp) {
		if old != page {
			return old, otter.CancelOp
		}
		page.Weight().Store(weight)
		return page, otter.WriteOp
	})
	s.balance()
}

func weigh(page *opening.Page) uint32 {
	return uint32(min(page.Size()+entrySize, math.MaxInt32)) //nolint:gosec // bounded by min
}

// Put puts in the page of a key, or takes note of its present size if it is in.
// If another page of the key was put in meanwhile, that one stays.
func (s *Store) Put(key request.Key, page *opening.Page) {
	weight := weigh(page)
	stays := true
	s.pages.Compute(key, func(old *opening.Page, found bool) (*opening.Page, otter.ComputeOp) {
		if found && old != page {
			stays = false
			return old, otter.CancelOp
		}
		if before := page.Weight().Swap(weight); found && before == weight {
			return page, otter.CancelOp
		}
		return page, otter.WriteOp
	})
	if !stays {
		page.Close()
	}
	s.balance()
}

// Warmed takes note of what is ready to be sent of a page, in bytes. It goes when
// others are asked for more often, or with the page.
func (s *Store) Warmed(key request.Key, page *opening.Page, size int) {
	weight := uint32(min(size+entrySize, math.MaxInt32)) //nolint:gosec // bounded by min
	// Only while the page is in: what comes after its deletion would stay.
	s.pages.ComputeIfPresent(key, func(in *opening.Page) (*opening.Page, otter.ComputeOp) {
		if in == page {
			s.warm.Set(key, warmed{page, weight})
		}
		return in, otter.CancelOp
	})
}

// Len returns the number of pages.
func (s *Store) Len() int { return s.pages.EstimatedSize() }

// Bytes returns what the store takes in memory, as estimated.
func (s *Store) Bytes() uint64 {
	return s.pages.WeightedSize() + s.warm.WeightedSize() + uint64(max(s.shared.Load(), 0)) + s.once.size() + s.refused.size() + s.wasted.size() + s.doubted.size()
}

// sightings are the hashes of keys that were seen lately. Each has one place; the
// last one there stays.
type sightings struct {
	mu     sync.Mutex
	places []uint32
}

const maxSightings = 64 << 10

// resize makes room for as many as fit into a number of bytes, at most
// maxSightings, and forgets all.
func (s *sightings) resize(bytes uint64) {
	n := uint64(1)
	for 2*n <= min(bytes/4, maxSightings) {
		n *= 2
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(n) != len(s.places) {
		s.places = make([]uint32, n)
	}
}

// sighting is a part of a hash: the place, and what is kept there, which is not 0.
type sighting uint64

func sightingOf(key request.Key) sighting { return sighting(binary.LittleEndian.Uint64(key[:])) }

func (s *sightings) place(of sighting) (place *uint32, value uint32) {
	return &s.places[int(of>>32)&(len(s.places)-1)], uint32(of) | 1 //nolint:gosec // the two halves
}

// again notes a hash, and reports whether it was there.
func (s *sightings) again(hash sighting) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	place, value := s.place(hash)
	if *place == value {
		return true
	}
	*place = value
	return false
}

// has reports whether a hash is there.
func (s *sightings) has(hash sighting) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	place, value := s.place(hash)
	return *place == value
}

// other puts a value at the place of a hash, and reports whether another one was there.
func (s *sightings) other(hash sighting, value uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	place, _ := s.place(hash)
	before := *place
	*place = uint32(value) | 1 //nolint:gosec // a part of a hash
	return before != 0 && before != *place
}

// note puts a hash in, or takes it out if it is there.
func (s *sightings) note(hash sighting, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch place, value := s.place(hash); {
	case in:
		*place = value
	case *place == value:
		*place = 0
	}
}

func (s *sightings) size() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return 4 * uint64(len(s.places))
}
