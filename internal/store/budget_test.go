package store

import (
	"testing"
	"time"
)

// However many responses come, no more bytes are read for learning than a second earns, but
// for what was saved up.
func TestBudget(t *testing.T) {
	const page = 64 << 10
	for _, known := range []bool{false, true} {
		var b budget
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		read := func(from, to time.Duration) (bytes int) {
			for at := from; at < to; at += time.Millisecond {
				if b.affords(known, start.Add(at)) {
					b.spend(page, start.Add(at))
					bytes += page
				}
			}
			return bytes
		}
		saved := budgetMost
		if !known {
			saved /= 2
		}
		if got := read(0, time.Minute); got > saved+60*budgetRate+page || got < saved+59*budgetRate {
			t.Errorf("known %v: %d bytes in the first minute", known, got)
		}
		if got := read(time.Minute, 2*time.Minute); got > 60*budgetRate+page || got < 59*budgetRate {
			t.Errorf("known %v: %d bytes in the second minute", known, got)
		}
		if got := read(time.Hour, time.Hour+2*time.Second); got < saved || got > saved+2*budgetRate+page {
			t.Errorf("known %v: %d bytes after a rest", known, got)
		}
	}
}

// A flood of pages that nobody knows leaves something to those that are known, and a clock
// that goes back earns nothing.
func TestBudgetOfKnownPages(t *testing.T) {
	var b budget
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.spend(budgetMost/2, now)
	if b.affords(false, now) || !b.affords(true, now) {
		t.Error("what is left is not for known pages alone")
	}
	b.spend(budgetMost/2, now.Add(-time.Hour))
	if b.affords(true, now.Add(-time.Minute)) || b.affords(true, now) {
		t.Error("more is read than there is")
	}
	if !b.affords(true, now.Add(time.Second)) {
		t.Error("nothing is earned")
	}
}
