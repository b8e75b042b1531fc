package testorigin

import (
	"context"
	"fmt"
	"sync"
)

// maxArrivals is how many arrivals a gate remembers for a test that has not
// asked for them yet.
const maxArrivals = 1024

// A Gate holds requests at a [Wait] step until the test opens it. An open gate
// holds nobody and still tells who arrives, so it can also serve as a mark.
// Its methods may be called from any goroutine.
type Gate struct {
	arrived chan struct{}
	open    chan struct{}
	once    sync.Once
}

// NewGate returns a closed gate.
func NewGate() *Gate {
	return &Gate{
		arrived: make(chan struct{}, maxArrivals),
		open:    make(chan struct{}),
	}
}

// Arrived gives one value for every request that has reached the gate. Beyond
// 1024 values that nobody received, arrivals are no longer counted.
func (g *Gate) Arrived() <-chan struct{} { return g.arrived }

// Open lets everybody through, from now on. It may be called again.
func (g *Gate) Open() { g.once.Do(func() { close(g.open) }) }

// pass tells that a request has arrived and returns when it may go on, or with
// an error when ctx ends first.
func (g *Gate) pass(ctx context.Context) error {
	select {
	case g.arrived <- struct{}{}:
	default:
	}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting at a gate: %w", context.Cause(ctx))
	}
}
