package scale

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/store"
)

// A field is a store full of pages, with what was measured of it.
type field struct {
	size   int // pages
	sample int // of them, in one turn

	store *store.Store
	room  *store.Room

	// Memory in bytes: of an empty store, and what the pages add to it.
	empty, heap, estimate int64

	reading, learning cost // of one observation each
	lookups
	full Full
}

// grow makes a store that holds so many pages and as many again, and lets it learn them.
// What learning costs is measured of the last ones.
func grow(ctx context.Context, size, sample int) (*field, error) {
	before := live()
	// A page takes less than 8 KiB, of which what is ready to be sent has a quarter.
	s, err := store.New(64<<20 + uint64(size)*16<<10) //nolint:gosec // positive
	if err != nil {
		return nil, err
	}
	f := &field{size: size, sample: sample, store: s, room: s.Room(handler)}
	f.empty = live() - before
	estimate := s.Bytes()
	if err := f.fill(ctx, size-sample); err != nil {
		return nil, err
	}
	if err := f.learn(ctx, size-sample, size); err != nil {
		return nil, err
	}
	f.chill()
	f.heap = live() - before - f.empty
	f.estimate = int64(s.Bytes() - estimate) //nolint:gosec // no store is that large
	if n := s.Len(); n != size {
		return nil, fmt.Errorf("%d of %d pages are in", n, size)
	}
	return f, nil
}

// fill lets the store learn the first n pages by a shorter way than learn: every
// response is read once, and taken in once for each network. What the store then holds
// is the same.
func (f *field) fill(ctx context.Context, n int) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var done sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			for ctx.Err() == nil && failed.Load() == nil {
				page := int(next.Add(1)) - 1
				if page >= n {
					return
				}
				o, err := observe(page)
				if err != nil {
					failed.Store(&err)
					return
				}
				key, p := keyOf(page), f.page()
				for network := range networks {
					p.Answered(visit(network), answer(o), rulesOf(page), start)
				}
				f.store.Put(key, p)
			}
		})
	}
	done.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// learn lets the store learn pages as the handler does: every network asks for each of
// them, and its response is read and taken in.
func (f *field) learn(ctx context.Context, from, to int) error {
	observations := make([]*opening.Observation, to-from)
	pages := make([]*opening.Page, to-from)
	keys := make([]request.Key, to-from)
	for i := range keys {
		keys[i] = keyOf(from + i)
	}
	for network := range networks {
		v := visit(network)
		f.reading.start()
		for i, key := range keys {
			if pages[i] = f.store.Get(key); pages[i] == nil {
				pages[i] = f.page()
			}
			if plan := pages[i].Decide(v, rulesOf(from+i), start); !plan.Observe {
				return fmt.Errorf("page %d is not observed: %s", from+i, plan.Reason)
			}
			var err error
			if observations[i], err = observe(from + i); err != nil {
				return err
			}
		}
		f.reading.stop(len(keys))
		f.learning.start()
		for i, key := range keys {
			pages[i].Answered(v, answer(observations[i]), rulesOf(from+i), start)
			f.store.Put(key, pages[i])
		}
		f.learning.stop(len(keys))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// page returns a new page, which has learned nothing.
func (f *field) page() *opening.Page {
	p := new(opening.Page)
	p.Settle(f.room.Host(hostName))
	return p
}

// chill drops what is ready to be sent of the pages that were learned last.
func (f *field) chill() {
	for page := f.size - f.sample; page < f.size; page++ {
		if p := f.store.Get(keyOf(page)); p != nil {
			p.Cool()
		}
	}
}

// observe reads the response of a page.
func observe(page int) (*opening.Observation, error) {
	document := article(page)
	o, reason, _ := opening.Observe(responseHeaders, document[:min(len(document), maxOpening)], true, opening.Scope{Shell: true})
	if reason != "" {
		return nil, errors.New("a page teaches nothing: " + string(reason))
	}
	return o, nil
}

func answer(o *opening.Observation) opening.Answer {
	return opening.Answer{Observation: o, Depth: -1, Wait: backendTime, Coding: opening.Plain}
}

func rulesOf(page int) opening.Rules {
	r := rules
	r.Target = path(page)
	return r
}
