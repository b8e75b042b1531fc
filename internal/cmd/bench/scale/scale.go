// Package scale is the part of the bench that measures what many learned pages cost:
// the time of a lookup, memory, the CPU time of learning, and what happens when there is
// no more room.
//
// It asks packages store and opening what the handler asks them, without a server
// around. All is done in one process: what is counted of memory is what can be reached
// after a collection, so what was there before does not matter.
package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
	"github.com/headstart-proxy/headstart/internal/cmd/internal/cputime"
)

const (
	// defaultRounds is how many turns every size gets.
	defaultRounds = 5
	// defaultSample is how many pages a turn looks up.
	defaultSample = 1000
	// MinSize is the least number of pages that says something.
	MinSize = 20
	// MaxSize is the most pages that are learned: they take 60 GiB.
	MaxSize = 10_000_000
)

// DefaultSizes are the numbers of pages if none are given. They take a minute or two. With
// 1,000,000 pages it takes ten times that, and 6 GiB of memory.
func DefaultSizes() []int { return []int{1_000, 10_000, 100_000} }

// Options say what to measure. The zero value means the defaults.
type Options struct {
	// Sizes are how many pages are learned, from MinSize to MaxSize each; the default is DefaultSizes.
	Sizes []int
	// Rounds is how many turns every size gets, the default is defaultRounds.
	Rounds int
	// Sample is of how many pages lookups and learning are measured in one turn, at most
	// half of a size; the default is defaultSample.
	Sample int
}

func (o Options) withDefaults() (Options, error) {
	if len(o.Sizes) == 0 {
		o.Sizes = DefaultSizes()
	}
	if o.Rounds == 0 {
		o.Rounds = defaultRounds
	}
	if o.Sample == 0 {
		o.Sample = defaultSample
	}
	switch {
	case slices.Min(o.Sizes) < MinSize, slices.Max(o.Sizes) > MaxSize:
		return o, fmt.Errorf("scale: sizes must be %d to %d pages", MinSize, MaxSize)
	case o.Rounds < 1:
		return o, errors.New("scale: at least 1 round is needed")
	case o.Sample < 1:
		return o, errors.New("scale: a sample must be 1 page or more")
	}
	return o, nil
}

// Run learns pages and measures, all sizes in turns. It tells progress what it does.
func Run(ctx context.Context, o Options, progress io.Writer) (*Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	fields := make([]*field, 0, len(o.Sizes))
	for _, size := range o.Sizes {
		fmt.Fprintf(progress, "scale: learning %d pages\n", size)
		f, err := grow(ctx, size, min(o.Sample, size/2))
		if err != nil {
			return nil, fmt.Errorf("scale: %d pages: %w", size, err)
		}
		fields = append(fields, f)
	}
	clock := costOfClock()
	for round := range o.Rounds {
		fmt.Fprintf(progress, "scale: round %d of %d\n", round+1, o.Rounds)
		for _, f := range fields {
			if err := f.lookUp(ctx, round, clock); err != nil {
				return nil, fmt.Errorf("scale: %d pages: %w", f.size, err)
			}
		}
	}
	r := &Result{Document: len(article(0)), Own: ownBytes(), Rounds: o.Rounds, Networks: networks}
	for i, f := range fields {
		fmt.Fprintf(progress, "scale: %d pages in half of their memory\n", f.size)
		if err := f.crowd(ctx, clock); err != nil {
			return nil, fmt.Errorf("scale: %d pages: %w", f.size, err)
		}
		r.Sizes = append(r.Sizes, f.figures())
		fields[i] = nil // its memory is for the next
	}
	return r, nil
}

// cost is what something took that was done a number of times.
type cost struct {
	times   int
	cpu     time.Duration
	allocs  uint64
	bytes   uint64
	started time.Duration
	before  runtime.MemStats
}

func (c *cost) start() {
	runtime.ReadMemStats(&c.before)
	c.started = cputime.Used()
}

func (c *cost) stop(times int) {
	c.cpu += cputime.Used() - c.started
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	c.allocs += now.Mallocs - c.before.Mallocs
	c.bytes += now.TotalAlloc - c.before.TotalAlloc
	c.times += times
}

// each returns what one of them took.
func (c *cost) each() Cost {
	n := float64(max(c.times, 1))
	return Cost{
		CPU:    float64(c.cpu) / float64(time.Microsecond) / n,
		Allocs: float64(c.allocs) / n,
		Bytes:  float64(c.bytes) / n,
	}
}

// live returns how many bytes can be reached. What finalizers let go of takes a second
// collection.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc) //nolint:gosec // no heap is that large
}

// costOfClock returns what it takes to read the clock twice, in ns: that is taken off
// each time that is measured.
func costOfClock() float64 {
	times := make([]float64, 0, 10_000)
	for range cap(times) {
		started := time.Now()
		times = append(times, float64(time.Since(started)))
	}
	return stats.Median(times)
}
