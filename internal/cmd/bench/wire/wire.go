// Package wire is the part of the bench that measures one visit after the other: how
// long the first byte of a page takes, the end of its head, the first byte that only
// the backend knows, and the last one.
package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/bare"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// Options are those of the part.
type Options struct {
	stage.Options
	// Delays are how long the backend takes, one or more.
	Delays []time.Duration
}

// The sites, beside one for each level and one for the bytes of each level's opening.
const plain = "plain"

func respond(level string) string { return "respond-" + level }

func bareFlush(level string) string { return "bare-" + level }

var levels = []string{stage.Head, stage.Shell}

// A backend answers after the delay that the path names.
type backend struct {
	document *stage.Document
	atOnce   atomic.Bool // without any delay, for learning
}

func path(delay time.Duration) string { return "/" + delay.String() }

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	delay, err := time.ParseDuration(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if !b.atOnce.Load() && !rig.Sleep(r.Context(), delay) {
		return
	}
	b.document.ServeHTTP(w, r)
}

// IDs returns the ids of all rows.
func IDs(delays []time.Duration) []string { return stage.IDs(newRows(delays)) }

// Run measures. It says in progress how far it is.
func Run(ctx context.Context, o Options, progress io.Writer) (*Result, error) {
	rows := stage.Choose(newRows(o.Delays), o.Only)
	b := &backend{document: stage.NewDocument(false, true)}
	sites := []stage.Site{{Name: plain, Text: stage.Plain}}
	for _, level := range levels {
		sites = append(sites, stage.Site{Name: level, Text: stage.Headstart("flush " + level)})
	}
	s, err := stage.Start(ctx, stage.Config{Backend: b, Sites: sites})
	if err != nil {
		return nil, err
	}
	defer s.Close()

	b.atOnce.Store(true)
	openings := make(map[string][]byte)
	for _, level := range levels {
		opening, err := s.Teach(ctx, level, rig.H1, level, path(o.Delays[0]), stage.Browser())
		if err != nil {
			return nil, err
		}
		openings[level] = opening
		sites = append(sites,
			stage.Site{Name: respond(level), Text: "respond `" + string(opening) + "`"},
			stage.Site{Name: bareFlush(level), Text: bare.Site(opening)})
	}
	if err := s.Configure(ctx, sites...); err != nil {
		return nil, err
	}
	for _, r := range rows {
		r.stage, r.backend = s, b
		opening, err := s.Teach(ctx, r.level, r.protocol, r.level, path(r.delay), stage.Browser())
		if err != nil {
			return nil, err
		}
		if r.opening = len(opening); r.opening != len(openings[r.level]) {
			return nil, fmt.Errorf("%s: the opening has %d bytes, not %d", r.ID(), r.opening, len(openings[r.level]))
		}
	}
	b.atOnce.Store(false)
	if err := stage.Measure(ctx, rows, o.Options, progress); err != nil {
		return nil, err
	}
	return newResult(rows), nil
}

func newRows(delays []time.Duration) []*row {
	rows := make([]*row, 0, len(stage.Protocols)*len(levels)*len(delays))
	for _, protocol := range stage.Protocols {
		for _, level := range levels {
			for _, delay := range delays {
				rows = append(rows, &row{protocol: protocol, level: level, delay: delay})
			}
		}
	}
	return rows
}

// pause goes before every visit, so that all sides find the machine alike: the work
// that follows a response has been done.
const pause = 2 * time.Millisecond

// A side is whose visits are measured.
type side int

const (
	respondSide   side = iota // the bytes of the opening from respond: the least that a handler can take
	bareSide                  // the page from the slow backend, behind the least that sends early
	headstartSide             // the same through Headstart
	plainSide                 // the same without Headstart
	sides
)

// A row compares the sides for one protocol, level and delay.
type row struct {
	protocol, level string
	delay           time.Duration

	stage   *stage.Stage
	backend *backend
	opening int // bytes
	visitor *stage.Visitor
	turns   int
	marks   [sides][measures][][]float64 // of each round, microseconds
}

// ID names the row.
func (r *row) ID() string { return fmt.Sprintf("wire/%s/%s/%s", r.protocol, r.level, r.delay) }

// Prepare makes the connections.
func (r *row) Prepare(ctx context.Context) error {
	r.visitor = stage.NewVisitor(r.protocol)
	for range 2 {
		for s := range sides {
			if _, err := r.visit(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close closes the connections.
func (r *row) Close() {
	if r.visitor != nil {
		r.visitor.Close()
	}
}

// plainEach is how many turns there are for each visit of the plain site. What it says
// is not in doubt by some microseconds, and it waits for the backend all the time.
const plainEach = 4

// Round visits all but the plain site in turns, forth and back, and that one at times.
func (r *row) Round(ctx context.Context, length time.Duration) error {
	for s := range sides {
		for m := range measures {
			r.marks[s][m] = append(r.marks[s][m], nil)
		}
	}
	for end := time.Now().Add(length); ; {
		turn := []side{respondSide, bareSide, headstartSide}
		if r.turns%2 == 1 {
			slices.Reverse(turn)
		}
		if r.turns%plainEach == 0 {
			turn = append(turn, plainSide)
		}
		r.turns++
		for _, s := range turn {
			took, err := r.visit(ctx, s)
			if err != nil {
				return err
			}
			for m := range measures {
				if applies(s, m) {
					last := &r.marks[s][m][len(r.marks[s][m])-1]
					*last = append(*last, float64(took[m])/float64(time.Microsecond))
				}
			}
		}
		if !time.Now().Before(end) {
			return nil
		}
	}
}

// visit visits a side once, and returns when each measure was reached.
func (r *row) visit(ctx context.Context, s side) (took [measures]time.Duration, err error) {
	if !rig.Sleep(ctx, pause) {
		return took, ctx.Err()
	}
	site, want := plain, stage.Visit{Status: http.StatusOK, Size: stage.PageSize}
	switch s {
	case respondSide:
		site, want.Size = respond(r.level), r.opening
	case bareSide:
		site, want.Committed = bareFlush(r.level), true
	case headstartSide:
		site, want.Committed = r.level, true
	default:
	}
	at := r.offsets(s, want.Size)
	got, err := r.visitor.Visit(ctx, r.stage.URL(r.protocol, site, path(r.delay)), stage.Browser(),
		func(_ []byte, total int, since time.Duration) {
			for m := range measures {
				if took[m] == 0 && total >= at[m] {
					took[m] = since
				}
			}
		})
	if err != nil {
		return took, err
	}
	if got != want {
		return took, fmt.Errorf("site %s: the answer is %+v, not %+v", site, got, want)
	}
	return took, nil
}

// offsets returns how many bytes have to be there for each measure.
func (r *row) offsets(s side, size int) (at [measures]int) {
	at[firstByte], at[lastByte] = 1, size
	at[headEnd], at[backendByte] = r.backend.document.Page().HeadEnd, 1
	if s == headstartSide || s == bareSide {
		at[backendByte] = r.opening + 1
	}
	return at
}
