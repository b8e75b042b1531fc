package main

import (
	"context"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// A sample is the state of Caddy at a time.
type sample struct {
	When       string  `json:"when"` // busy, warm or end; the last two without traffic
	Seconds    float64 `json:"seconds"`
	Requests   int     `json:"requests"`
	Goroutines int     `json:"goroutines"`
	Heap       uint64  `json:"heap_bytes"`
	Pages      float64 `json:"pages"`
	PageBytes  float64 `json:"page_bytes"`
}

func (s *soak) sample(ctx context.Context, when string) error {
	order := rig.Order{Collect: true}
	if when == "end" {
		order.Profiles = s.folder
	}
	// First, since it is a request by itself.
	pages, bytes, err := s.stage.openings(ctx)
	if err != nil {
		return err
	}
	a, err := s.stage.caddy.Ask(order)
	if err != nil {
		return err
	}
	s.samples = append(s.samples, sample{
		When: when, Seconds: time.Since(s.started).Seconds(), Requests: s.tally.total("level"),
		Goroutines: a.Goroutines, Heap: a.Heap, Pages: pages, PageBytes: bytes,
	})
	s.say("%s: %.0f s, %d requests, %d goroutines, %.1f MiB, %d faults", when, time.Since(s.started).Seconds(),
		s.tally.total("level"), a.Goroutines, float64(a.Heap)/(1<<20), s.tally.total("fault"))
	return nil
}

// quiet takes a sample without traffic: when all visits have ended, connections are
// closed, parked responses have expired, and the number of goroutines has settled.
func (s *soak) quiet(ctx context.Context, when string) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	s.stage.hangUp()
	const step, settled = 500 * time.Millisecond, 4
	most := min(30*time.Second, s.length/4)
	least := min(12*time.Second, most) // parked responses and idle connections live for 10 s
	last, same := 0, 0
	for from := time.Now(); time.Since(from) < most && (same < settled || time.Since(from) < least); {
		a, err := s.stage.caddy.Ask(rig.Order{})
		if err != nil {
			return err
		}
		if same++; a.Goroutines != last {
			last, same = a.Goroutines, 0
		}
		if !rig.Sleep(ctx, step) {
			break
		}
	}
	return s.sample(ctx, when)
}
