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
				if b.affords(0, known, start.Add(at)) {
					b.spend(0, page, start.Add(at))
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
	b.spend(0, budgetMost/2, now)
	if b.affords(0, false, now) || !b.affords(0, true, now) {
		t.Error("what is left is not for known pages alone")
	}
	b.spend(0, budgetMost/2, now.Add(-time.Hour))
	if b.affords(0, true, now.Add(-time.Minute)) || b.affords(0, true, now) {
		t.Error("more is read than there is")
	}
	if !b.affords(0, true, now.Add(time.Second)) {
		t.Error("nothing is earned")
	}
}

// One network alone leaves something to others, however much it asks for.
func TestBudgetOfOneNetwork(t *testing.T) {
	var b budget
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const page, attacker = 64 << 10, 1
	for i := range 3600 * 40 { // 40 pages a second, that nobody knows
		now = now.Add(time.Second / 40)
		if b.affords(attacker, false, now) {
			b.spend(attacker, page, now)
		}
		if i%40 == 39 && i > 40*60 && !b.affords(2, false, now) {
			t.Fatalf("after %d s another network's page is not learned", i/40)
		}
	}
}

// Responses that were begun before there was nothing left are paid for, but not for long.
func TestBudgetDebt(t *testing.T) {
	var b budget
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 10_000 { // at once, of a slow backend
		if !b.affords(uint64(i), false, now) {
			t.Fatal("not begun")
		}
	}
	for i := range 10_000 {
		b.spend(uint64(i), 64<<10, now.Add(time.Second))
	}
	for s := 1; s < 60; s++ {
		if b.affords(1<<20, false, now.Add(time.Duration(s)*time.Second)) {
			return
		}
	}
	t.Error("nothing is learned for a minute")
}
