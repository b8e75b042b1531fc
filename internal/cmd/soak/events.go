package main

import (
	"context"
	"time"
)

// How often things happen, and how long they last. A run that is too short for that
// has them at every third of its time.
const (
	everyReload = time.Second
	everyDeploy = 2 * time.Minute // a page has to be learned in between
	everySpell  = 15 * time.Second
	spellLasts  = 2 * time.Second
	everyDown   = 40 * time.Second
	downLasts   = 300 * time.Millisecond
	everySample = 10 * time.Second
)

// direct makes things happen until ctx ends, and measures when the traffic has
// warmed up.
func (s *soak) direct(ctx context.Context) error {
	in := func(every time.Duration) *time.Ticker { return time.NewTicker(min(every, s.length/3)) }
	reload, deploy, spell, down, sample := in(everyReload), in(everyDeploy), in(everySpell), in(everyDown), in(everySample)
	for _, t := range []*time.Ticker{reload, deploy, spell, down, sample} {
		defer t.Stop()
	}
	warm := time.NewTimer(s.length / 4)
	defer warm.Stop()
	var fair, up <-chan time.Time
	defer func() { s.origin.foul.Store(false) }()
	for {
		select {
		case <-ctx.Done():
			return s.origin.goUp()
		case <-reload.C:
			s.reloads++
			if err := s.stage.configure(s.reloads); err != nil {
				s.tally.find(fault{What: faultReload, Detail: err.Error()})
			}
		case <-deploy.C:
			s.deploys++
			s.origin.deploy.Add(1)
		case <-spell.C:
			s.spells++
			s.origin.foul.Store(true)
			fair = time.After(min(spellLasts, s.length/6))
		case <-fair:
			s.origin.foul.Store(false)
		case <-down.C:
			s.origin.goDown()
			up = time.After(min(downLasts, s.length/20))
		case <-up:
			if err := s.origin.goUp(); err != nil {
				return err
			}
		case <-sample.C:
			if err := s.sample(ctx, "busy"); err != nil && ctx.Err() == nil {
				return err
			}
		case <-warm.C:
			s.origin.foul.Store(false)
			if err := s.origin.goUp(); err != nil {
				return err
			}
			up = nil
			if err := s.quiet(ctx, "warm"); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}
