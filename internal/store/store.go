package store

import (
	"fmt"
	"math"

	"github.com/maypok86/otter/v2"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// Store holds pages by key.
type Store struct {
	cache *otter.Cache[request.Key, *entry]
}

// entry is a page with its weight at the time it was put in: the cache reads
// weights under its own locks, where the page's must not be taken.
type entry struct {
	page   *opening.Page
	weight uint32
}

// New returns a store of at most maxBytes, as estimated by Page.Size.
func New(maxBytes uint64) (*Store, error) {
	cache, err := otter.New(&otter.Options[request.Key, *entry]{
		MaximumWeight: maxBytes,
		Weigher: func(_ request.Key, e *entry) uint32 {
			return e.weight
		},
		Executor: func(f func()) { f() }, // no goroutines of its own
	})
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	return &Store{cache}, nil
}

// Get returns the page of a key, or nil if none was learned.
func (s *Store) Get(key request.Key) *opening.Page {
	if e, ok := s.cache.GetIfPresent(key); ok {
		return e.page
	}
	return nil
}

// Put puts in the page of a key, or takes note of its present size if it is in.
// If another page of the key was put in meanwhile, that one stays.
func (s *Store) Put(key request.Key, page *opening.Page) {
	weight := uint32(min(page.Size()+len(key), math.MaxInt32)) //nolint:gosec // bounded by min
	s.cache.Compute(key, func(old *entry, found bool) (*entry, otter.ComputeOp) {
		if found && (old.page != page || old.weight == weight) {
			return old, otter.CancelOp
		}
		return &entry{page, weight}, otter.WriteOp
	})
}

// SetMaximum changes the limit that New was given. Pages that are too many for the
// new one are dropped at once.
func (s *Store) SetMaximum(maxBytes uint64) { s.cache.SetMaximum(maxBytes) }

// Len returns the number of pages.
func (s *Store) Len() int { return s.cache.EstimatedSize() }

// Bytes returns what the pages take in memory, as estimated by Page.Size.
func (s *Store) Bytes() uint64 { return s.cache.WeightedSize() }
