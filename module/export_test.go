package module

import "time"

// SetMaxLinger sets how long handlers that are provisioned from now on keep a
// response open for its recovery markup. It returns what undoes that.
func SetMaxLinger(d time.Duration) (undo func()) {
	before := maxLinger
	maxLinger = d
	return func() { maxLinger = before }
}

// SetClock sets what handlers that are provisioned from now on tell the time by.
// It returns what undoes that.
func SetClock(now func() time.Time) (undo func()) {
	before := clock
	clock = now
	return func() { clock = before }
}

// A machine that runs tests may be very busy; that is no visitor who does not read.
func init() { hintPatience = 2 * time.Second }

// SetHintPatience sets how long requests wait for their 103 responses to be written. It
// returns what undoes that.
func SetHintPatience(d time.Duration) (undo func()) {
	before := hintPatience
	hintPatience = d
	return func() { hintPatience = before }
}

// SetMaxReloaded sets how many of the last 200 commits may be loaded again before
// commits pause. It returns what undoes that.
func SetMaxReloaded(n int) (undo func()) {
	before := maxReloaded
	maxReloaded = n
	return func() { maxReloaded = before }
}

// SharedState returns what handlers share, for tests that look at all of its
// memory; nil if no handler is there.
func SharedState() any { return collected.Load() }
