package store

import (
	"sync"
	"time"
)

// A response that is learned from is read once, at some 20 ns a byte. A crawl of a site with
// a hundred thousand pages would keep whole cores busy with that, for pages of which most
// are asked for once a day: so only so many bytes are read for learning.
const (
	// budgetRate is how many bytes a second: some 4 % of one core.
	budgetRate = 2 << 20
	// budgetMost is how many bytes may be saved up: a site of a thousand pages is learned
	// without a pause. Pages that are not known yet leave half of it to those that are.
	budgetMost = 64 << 20
	// budgetDebt is how many bytes more may be owed: many responses are begun before the
	// first of them has ended.
	budgetDebt = 20 * budgetRate
	// budgetShares is how many networks it takes at least to spend all, and budgetSlots
	// how many are told apart.
	budgetShares = 4
	budgetSlots  = 256
)

// budget is what may be read for learning: a token bucket for all, and smaller ones for
// networks, so that none alone can take it from the others.
type budget struct {
	mu       sync.Mutex // protects all below
	all      bucket
	networks [budgetSlots]bucket // by hash
}

// bucket is what was spent, in bytes.
type bucket struct {
	spent int64
	at    time.Time // when that was so
}

// affords reports whether there is something left for a network, 0 in scope local, and for
// a page that is known or one that is not.
func (b *budget) affords(network uint64, known bool, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	most := int64(budgetMost)
	if !known {
		most /= 2
	}
	return b.all.owes(budgetRate, now) < most &&
		(network == 0 || b.networks[network%budgetSlots].owes(budgetRate/budgetShares, now) < most/budgetShares)
}

// spend takes bytes off. It may be more than there is: then that is owed.
func (b *budget) spend(network uint64, bytes int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.spend(bytes, budgetRate, now)
	if network != 0 {
		b.networks[network%budgetSlots].spend(bytes, budgetRate/budgetShares, now)
	}
}

func (b *bucket) spend(bytes int, rate int64, now time.Time) {
	b.spent = min(b.owes(rate, now)+int64(bytes), budgetMost+budgetDebt)
	if now.After(b.at) {
		b.at = now
	}
}

// owes returns what is spent and not earned again by a time.
func (b *bucket) owes(rate int64, now time.Time) int64 {
	earned := max(now.Sub(b.at), 0).Seconds() * float64(rate)
	return max(b.spent-int64(min(earned, budgetMost+budgetDebt)), 0)
}

// Affords reports whether one more response to a network may be read for learning at a
// time; network is a hash of it, 0 in scope local. known says that its page is in the Store.
func (s *Store) Affords(network uint64, known bool, now time.Time) bool {
	return s.budget.affords(network, known, now)
}

// Spend takes note that a response to a network of so many bytes was read for learning at a
// time.
func (s *Store) Spend(network uint64, bytes int, now time.Time) { s.budget.spend(network, bytes, now) }
