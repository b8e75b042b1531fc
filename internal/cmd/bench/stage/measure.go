package stage

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"time"
)

// Options are what all parts on a stage are told.
type Options struct {
	// Only is matched with the ids of rows.
	Only *regexp.Regexp
	// Time is how long to measure. Starting takes more.
	Time time.Duration
	// Rounds is how many turns every row gets.
	Rounds int
}

// A Row is measured in rounds.
type Row interface {
	// ID is its name for people and for -only.
	ID() string
	// Prepare does what must not be measured. Close is called in any case.
	Prepare(ctx context.Context) error
	// Round measures all sides in turns. It takes as long as it is told, about.
	Round(ctx context.Context, length time.Duration) error
	// Close lets go of what Prepare has opened.
	Close()
}

// IDs returns the ids of rows.
func IDs[R Row](rows []R) []string {
	ids := make([]string, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID())
	}
	return ids
}

// Choose returns the rows whose id matches.
func Choose[R Row](rows []R, only *regexp.Regexp) []R {
	var chosen []R
	for _, row := range rows {
		if only.MatchString(row.ID()) {
			chosen = append(chosen, row)
		}
	}
	return chosen
}

// Measure goes over all rows in every round, so that what else the machine does meets
// all of them alike. It says meanwhile how far it is.
func Measure[R Row](ctx context.Context, rows []R, o Options, progress io.Writer) error {
	for _, row := range rows {
		defer row.Close()
		if err := row.Prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", row.ID(), err)
		}
	}
	length := o.Time / time.Duration(o.Rounds*max(len(rows), 1))
	for round := range o.Rounds {
		fmt.Fprintf(progress, "round %d of %d\n", round+1, o.Rounds)
		for _, row := range rows {
			if err := row.Round(ctx, length); err != nil {
				return fmt.Errorf("%s: %w", row.ID(), err)
			}
		}
	}
	return nil
}
