package filmstrip

import (
	"bytes"
	"slices"
	"time"
)

const (
	// step is the time between two moments that may be shown.
	step = 100 * time.Millisecond
	// columns is how many are shown, if there are as many steps: more would be too
	// small to see.
	columns = 8
)

// A strip is what is shown of some films: a row for each, and a column for each moment.
type strip struct {
	moments []time.Duration
	rows    []stripRow
}

type stripRow struct {
	firstPaint time.Duration
	cells      []cell // one for each moment
}

type cell struct {
	png    []byte // nil for a blank screen
	marked bool   // the first one that is not blank any more
}

// layOut chooses the columns, and looks up what they show.
func layOut(films []film) strip {
	s := strip{moments: moments(films)}
	for _, f := range films {
		row := stripRow{firstPaint: f.firstPaint}
		blank := true
		for _, m := range s.moments {
			c := cell{png: f.at(m)}
			c.marked = blank && c.png != nil
			blank = c.png == nil
			row.cells = append(row.cells, c)
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// A moment is one that may be shown, and how much it tells.
type moment struct {
	at time.Duration
	// worth is how many films show something new. The beginning, the end, and those at
	// which a film is not blank any more are worth more than all others.
	worth int
}

const alwaysShown = 1000

// moments returns the times of the columns: the steps at which any film shows something
// else than at the step before, and the first one. Of too many, those that tell least are
// left out, the latest first, since more happens early. To too few, some are added where
// most were left out, so that waiting is seen, too.
func moments(films []film) []time.Duration {
	var end time.Duration // of the last change
	for _, f := range films {
		end = max(end, f.frames[len(f.frames)-1].at)
	}
	chosen := []moment{{0, alwaysShown}}
	for at := step; at < end+step; at += step {
		m := moment{at: at}
		for _, f := range films {
			before, now := f.at(at-step), f.at(at)
			if !bytes.Equal(before, now) {
				m.worth++
				if before == nil {
					m.worth += alwaysShown
				}
			}
		}
		if at >= end {
			m.worth += alwaysShown
		}
		if m.worth > 0 {
			chosen = append(chosen, m)
		}
	}
	for len(chosen) > columns {
		least := 0
		for i, m := range chosen {
			if m.worth <= chosen[least].worth {
				least = i
			}
		}
		chosen = slices.Delete(chosen, least, least+1)
	}
	times := make([]time.Duration, len(chosen), columns)
	for i, m := range chosen {
		times[i] = m.at
	}
	for len(times) < columns {
		longest := 0 // index of the moment behind which most steps are left out
		for i := range len(times) - 1 {
			if times[i+1]-times[i] > times[longest+1]-times[longest] {
				longest = i
			}
		}
		if len(times) == 1 || times[longest+1]-times[longest] == step {
			break
		}
		middle := (times[longest] + times[longest+1]) / 2 / step * step
		times = slices.Insert(times, longest+1, middle)
	}
	return times
}
