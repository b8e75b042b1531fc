package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A soak is one run.
type soak struct {
	length time.Duration
	seed   uint64
	rate   float64 // visits a second
	conns  int     // visitors at once
	folder string  // for evidence; "" keeps none
	say    func(format string, args ...any)

	origin  *origin
	stage   *stage
	log     *accessLog
	tally   *tally
	ids     atomic.Uint64
	started time.Time
	samples []sample
	reloads int
	deploys int
	spells  int

	// gate is held for reading by visits, and for writing while all must be quiet.
	gate sync.RWMutex
}

// run drives traffic until the time is up, or ctx ends.
func (s *soak) run(ctx context.Context) (err error) {
	s.tally = newTally()
	s.log = newAccessLog(s.tally)
	if s.origin, err = startOrigin(s.seed); err != nil {
		return err
	}
	defer s.origin.close()
	s.stage, err = setUp(context.WithoutCancel(ctx), s.origin.addr, s.log) // it ends with its input
	defer s.stage.tearDown()
	if err != nil {
		return err
	}
	s.started = time.Now()

	visits := make(chan struct{})
	var visitors sync.WaitGroup
	for i := range s.conns {
		visitors.Go(func() { s.visitors(context.WithoutCancel(ctx), uint64(i), visits) }) //nolint:gosec // not negative
	}
	running, stop := context.WithTimeout(ctx, s.length)
	defer stop()
	go s.pace(running, visits)
	err = s.direct(running)
	stop()
	visitors.Wait()
	if err != nil {
		return err
	}
	return s.quiet(context.WithoutCancel(ctx), "end")
}

// pace lets visits begin at the rate. It closes the channel at the end.
func (s *soak) pace(ctx context.Context, visits chan<- struct{}) {
	defer close(visits)
	ticker := time.NewTicker(time.Duration(float64(time.Second) / s.rate))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		select {
		case visits <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// visitors makes one visit after the other.
func (s *soak) visitors(ctx context.Context, number uint64, visits <-chan struct{}) {
	random := rand.New(rand.NewPCG(s.seed, ^number)) //nolint:gosec // nothing here is secret
	// As on the web, a few pages get most of the visits.
	popular := rand.NewZipf(random, 1.2, 4, uint64(len(hosts)*pagesPerHost-1))
	for range visits {
		s.gate.RLock()
		s.visit(ctx, newRequest(random, popular))
		s.gate.RUnlock()
	}
}
