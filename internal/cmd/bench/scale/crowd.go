package scale

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

const (
	// crowdTurns is how many samples of requests are counted. There are as many before the
	// store is made smaller, and settleTurns behind: it drops pages whether they are
	// popular or not, and popular ones have to be learned again.
	crowdTurns  = 10
	settleTurns = 20
	// zipf says how much more popular pages are asked for than others: the n-th one with
	// a probability proportional to n to the power of -zipf. The web is near 1, and 1 is
	// what the generator does not reach.
	zipf = 1.1
	// newcomers: one of so many requests is for a page that nobody asked for before.
	newcomers = 10
)

// crowd takes memory away from the store, so that half of its pages have room, while
// people go on asking for pages, popular ones more often, and for others that are new. In
// the end the store is given up.
func (f *field) crowd(ctx context.Context, clock float64) error {
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // it is to be the same each time
	c := crowd{
		field:  f,
		random: random,
		zipf:   rand.NewZipf(random, zipf, 1, uint64(f.size-1)), //nolint:gosec // positive
		page:   random.Perm(f.size),
		next:   f.size,
		clock:  clock,
	}
	if err := c.requests(ctx, crowdTurns*f.sample); err != nil {
		return err
	}
	limit := uint64(f.estimate) * 2 / 3 //nolint:gosec // positive; about a quarter of it is for what is ready
	before := f.store.Len()
	started := time.Now()
	f.store.SetMaximum(limit)
	took := time.Since(started)
	kept := f.store.Len()

	if err := c.requests(ctx, settleTurns*f.sample); err != nil {
		return err
	}
	c.times, c.puts, c.committed, c.popular, c.old = nil, nil, 0, 0, 0
	if err := c.requests(ctx, crowdTurns*f.sample); err != nil {
		return err
	}
	with := live()
	f.full = Full{
		Limit:     limit,
		Estimate:  f.store.Bytes(),
		Pages:     f.store.Len(),
		Shrinking: float64(took) / float64(max(before-kept, 1)),
		Lookup:    timesOf(c.times),
		Put:       timesOf(c.puts),
		Committed: float64(c.committed) / float64(max(c.old, 1)),
		Possible:  float64(c.popular) / float64(max(c.old, 1)),
	}
	f.store, f.room, c.field = nil, nil, nil
	f.full.Heap = with - live()
	return nil
}

// A crowd asks for pages.
type crowd struct {
	field  *field
	random *rand.Rand
	zipf   *rand.Zipf
	page   []int // by popularity
	next   int   // the next newcomer
	clock  float64

	times, puts []float64 // in ns
	old         int       // requests that were not newcomers'
	committed   int       // of them
	popular     int       // … those for the pages that would be in if popularity were known
}

func (c *crowd) requests(ctx context.Context, n int) error {
	for i := range n {
		page := c.next
		if i%newcomers == 0 {
			c.next++
		} else {
			rank := int(c.zipf.Uint64()) //nolint:gosec // below the size
			page = c.page[rank]
			c.old++
			if rank < c.field.store.Len() {
				c.popular++
			}
		}
		if err := c.request(page); err != nil {
			return err
		}
		if i%100 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// request asks for a page, and lets it learn if it is to.
func (c *crowd) request(page int) error {
	f, key, v := c.field, keyOf(page), visit(c.random.IntN(allNetworks))
	_, decided, plan := f.ask(key, v, page)
	if plan.Early != nil {
		c.times = append(c.times, max(float64(decided)-c.clock, 0))
		c.committed++
	}
	if !plan.Observe {
		return nil
	}
	o, err := observe(page)
	if err != nil {
		return err
	}
	p := f.store.Get(key)
	if p == nil {
		p = f.page()
	}
	p.Answered(v, answer(o), rulesOf(page), start)
	started := time.Now()
	f.store.Put(key, p)
	c.puts = append(c.puts, max(float64(time.Since(started))-c.clock, 0))
	return nil
}

func timesOf(ns []float64) Times {
	return Times{Median: stats.Median(ns), P99: stats.Quantile(ns, 0.99)}
}
