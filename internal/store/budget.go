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
)

// budget is what may be read for learning: a token bucket.
type budget struct {
	mu    sync.Mutex // protects all below
	spent int64      // bytes, of what may be saved up
	at    time.Time  // when that was so
}

// affords reports whether there is something left, for a page that is known or one that
// is not.
func (b *budget) affords(known bool, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	most := int64(budgetMost)
	if !known {
		most /= 2
	}
	return b.owes(now) < most
}

// spend takes bytes off. It may be more than there is: then that is owed.
func (b *budget) spend(bytes int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = b.owes(now) + int64(bytes)
	if now.After(b.at) {
		b.at = now
	}
}

// owes returns what is spent and not earned again by a time.
func (b *budget) owes(now time.Time) int64 {
	earned := max(now.Sub(b.at), 0).Seconds() * budgetRate
	return max(b.spent-int64(min(earned, budgetMost)), 0)
}

// Affords reports whether one more response may be read for learning at a time. known says
// that its page is in the Store.
func (s *Store) Affords(known bool, now time.Time) bool { return s.budget.affords(known, now) }

// Spend takes note that a response of so many bytes was read for learning at a time.
func (s *Store) Spend(bytes int, now time.Time) { s.budget.spend(bytes, now) }
