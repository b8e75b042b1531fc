package browser

import (
	"context"
	"fmt"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/backends"
)

// A runningSite is a site with a backend for each delay, and one for none, and a Caddy
// in front of them all.
type runningSite struct {
	name     string
	stage    *Stage
	backends map[time.Duration]*backends.Backend
}

// The sites, in the order in which they are measured.
const (
	aggregator = "aggregator"
	django     = "django"
)

var sites = []string{aggregator, django}

// startSite starts a site with a backend for each delay. The error wraps
// [backends.ErrMissing] if it cannot run here.
func startSite(ctx context.Context, name string, delays []time.Duration) (*runningSite, error) {
	s := &runningSite{name: name, backends: make(map[time.Duration]*backends.Backend)}
	if err := s.start(ctx, delays); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *runningSite) start(ctx context.Context, delays []time.Duration) error {
	var fronts []Front
	for _, delay := range append([]time.Duration{0}, delays...) {
		b, err := startBackend(ctx, s.name, delay)
		if err != nil {
			return err
		}
		s.backends[delay] = b
		for _, f := range frontEnds {
			if f.undelayed == (delay == 0) {
				fronts = append(fronts, Front{Name: frontName(f, delay), Flush: f.flush, StopAt: f.stopAt, Backend: b.Addr})
			}
		}
	}
	var err error
	s.stage, err = StartStage(ctx, fronts)
	return err
}

// startBackend starts a site with a delay.
func startBackend(ctx context.Context, name string, delay time.Duration) (*backends.Backend, error) {
	if name == django {
		return backends.Django(ctx, delay)
	}
	return backends.Aggregator(delay)
}

// frontName is the name of a front end on the stage.
func frontName(f frontEnd, delay time.Duration) string {
	if f.undelayed {
		delay = 0
	}
	return fmt.Sprintf("%s-%d", f.id, delay.Milliseconds())
}

// path is what a front end's visitors ask for.
func (s *runningSite) path(f frontEnd, delay time.Duration) string {
	if f.split {
		return s.backends[delay].Split
	}
	return s.backends[delay].Page // of all delays the same
}

// url is the address of a front end in the browser.
func (s *runningSite) url(f frontEnd, delay time.Duration) string {
	return s.stage.URL(frontName(f, delay), s.path(f, delay))
}

// teach visits a front end until Headstart knows the page, and once if there is no
// Headstart, so that all are as warm.
func (s *runningSite) teach(ctx context.Context, f frontEnd, delay time.Duration) error {
	return s.stage.Teach(ctx, frontName(f, delay), s.path(f, delay), f.flush)
}

func (s *runningSite) close() {
	if s.stage != nil {
		s.stage.Close()
	}
	for _, b := range s.backends {
		_ = b.Close() // what it served is measured
	}
}
