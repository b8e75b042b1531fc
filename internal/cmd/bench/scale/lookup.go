package scale

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// seed makes every run look up the same pages.
const seed = 7

// lookups are the times of all turns, in ns.
type lookups struct {
	get  []float64 // the store finds the page
	cold []float64 // … and the page makes what is to be sent, and decides
	warm []float64 // … and the page has it ready
}

// lookUp looks a sample of the pages up twice. Each page is as likely as any other.
// First what is to be sent has to be made, then it is ready.
func (f *field) lookUp(ctx context.Context, round int, clock float64) error {
	random := rand.New(rand.NewPCG(seed, uint64(round))) //nolint:gosec // it is to be the same each time
	pages := random.Perm(f.size)[:f.sample]
	keys := make([]request.Key, len(pages))
	for i, page := range pages {
		keys[i] = keyOf(page)
		if p := f.store.Get(keys[i]); p != nil {
			p.Cool()
		}
	}
	runtime.GC() // what came before is not collected meanwhile
	v := visit(0)
	for _, times := range []*[]float64{&f.cold, &f.warm} {
		for i, key := range keys {
			found, decided, plan := f.ask(key, v, pages[i])
			if plan.Early == nil {
				return fmt.Errorf("page %d is not committed: %s", pages[i], plan.Reason)
			}
			if cold := times == &f.cold; cold != (plan.Warmed > 0) {
				return fmt.Errorf("page %d: %d bytes had to be made, cold is %v", pages[i], plan.Warmed, cold)
			}
			f.get = append(f.get, max(float64(found)-clock/2, 0))
			*times = append(*times, max(float64(decided)-clock, 0))
		}
		random.Shuffle(len(keys), func(i, j int) {
			keys[i], keys[j] = keys[j], keys[i]
			pages[i], pages[j] = pages[j], pages[i]
		})
	}
	return ctx.Err()
}

// ask does what the handler does to find what to send, and returns how long it took
// until the page was found and until all was decided. If the page is not in, the plan is
// that of a page that has learned nothing.
func (f *field) ask(key request.Key, v opening.Visit, page int) (found, decided time.Duration, plan opening.Plan) {
	r := rulesOf(page)
	started := time.Now()
	p := f.store.Get(key)
	found = time.Since(started)
	if p == nil {
		return found, found, opening.Plan{Observe: f.store.Admits(key)}
	}
	plan = p.Decide(v, r, start)
	if plan.Warmed > 0 {
		f.store.Warmed(key, p, plan.Warmed)
	}
	return found, time.Since(started), plan
}
