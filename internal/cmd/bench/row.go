package main

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// A row is one line of the table: two sides that are measured in turns.
type row struct {
	id       string // what -only matches
	what     string // the case, in words
	against  string // the site that it is compared with
	unit     string
	target   string // for the reader; nothing is judged by it
	slices   int    // its share of the time: how many slices a round has
	isLoad   bool
	measurer measurer
	rounds   []round
}

// A measurer fills in rows.
type measurer interface {
	// prepare does what must not be measured. The caller closes it in any case.
	prepare(ctx context.Context, s *stage) error
	// round measures both sides in turns.
	round(ctx context.Context, slice time.Duration) (round, error)
	close()
}

// A round is what both sides yielded.
type round struct {
	base, headstart turn
}

// A turn holds the values of one side: times to first byte, or rates.
type turn struct {
	values []float64
	cpu    time.Duration // of Caddy, per request; 0 if not measured
}

const (
	ttfbTarget       = "≤ 1.25"
	committedTarget  = "≥ 0.95"
	ineligibleTarget = "≥ 0.98"
	noTarget         = "for information"
)

// allRows returns every row, in the order of the table.
func allRows() []*row {
	rows := make([]*row, 0, len(protocols)+2*len(loadKinds))
	for _, protocol := range protocols {
		rows = append(rows, &row{
			id:       "ttfb/" + protocol,
			what:     "first byte, " + protocol,
			against:  respond,
			unit:     "µs",
			target:   ttfbTarget,
			slices:   4,
			measurer: &firstByte{protocol: protocol},
		})
	}
	for _, kind := range loadKinds {
		for _, connections := range []int{1, 16} {
			rows = append(rows, &row{
				id:       fmt.Sprintf("load/%s/%d", kind.name, connections),
				what:     fmt.Sprintf("%s, %d conn.", kind.what, connections),
				against:  plain,
				unit:     "req/s",
				target:   kind.target,
				slices:   2,
				isLoad:   true,
				measurer: &load{kind: kind, connections: connections},
			})
		}
	}
	return rows
}

// choose keeps the rows whose id matches.
func choose(rows []*row, only *regexp.Regexp) []*row {
	var chosen []*row
	for _, r := range rows {
		if only.MatchString(r.id) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// measure goes over all rows in every round, so that what else the machine does
// meets all of them alike. It takes total, about.
func measure(ctx context.Context, s *stage, rows []*row, rounds int, total time.Duration, progress func(done int)) error {
	slices := 0
	for _, r := range rows {
		slices += r.slices
		defer r.measurer.close()
		if err := r.measurer.prepare(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", r.id, err)
		}
	}
	slice := total / time.Duration(rounds*slices)
	for done := range rounds {
		progress(done)
		for _, r := range rows {
			result, err := r.measurer.round(ctx, slice*time.Duration(r.slices)/2)
			if err != nil {
				return fmt.Errorf("%s: %w", r.id, err)
			}
			r.rounds = append(r.rounds, result)
		}
	}
	return nil
}
