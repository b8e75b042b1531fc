// Package filmstrip makes a picture of what visitors see of a slow page while it loads,
// by one front end below the other.
//
// Each film is one load in a real Chromium, with an empty cache and new connections,
// over a slow link to a Caddy in another process. Only one load is under way at a time:
// they take turns, and of each front end the one with the median first paint is shown.
package filmstrip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/backends"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/browser"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
	"github.com/headstart-proxy/headstart/internal/slowlink"
)

// Options say what to show.
type Options struct {
	// File is where the picture is written, as PNG. It is needed.
	File string
	// Delay is how long the backend takes for the page. Default: 1.2 s. It should be
	// more than Headstart's min_wait, 30 ms.
	Delay time.Duration
	// Rounds is how often each front end is loaded, 1 or more. Default: 3.
	Rounds int
}

const (
	defaultDelay  = 1200 * time.Millisecond
	defaultRounds = 3
)

// A frontEnd is a row of the picture.
type frontEnd struct {
	front browser.Front // without its backend
	split bool          // whether the application cuts its page by hand
	label string
	note  string // below the label
}

var frontEnds = []frontEnd{
	{front: browser.Front{Name: "plain"}, label: "Plain Caddy", note: "The application answers when its data is there."},
	{front: browser.Front{Name: "split"}, split: true, label: "Split by hand", note: "The application sends its head and masthead at once, and the rest when its data is there."},
	{front: browser.Front{Name: "shell", Flush: "shell"}, label: "Headstart", note: "The application is as in the first row."},
}

// A device is a screen, the machine behind it, and its link to Caddy.
type device struct {
	name          string
	link          slowlink.Link
	width, height int64   // CSS pixels
	slowdown      float64 // by how much the CPU is slower than this one
}

// phone has a small screen, so that something can be seen of it in the picture.
var phone = device{
	name:  "a slow phone (round trip 150 ms, 1.6 Mbit/s, CPU ×4)",
	link:  browser.SlowLink,
	width: 360, height: 560, slowdown: browser.SlowPhone,
}

// complete fills in the defaults.
func (o Options) complete() (Options, error) {
	o.Delay = cmp.Or(o.Delay, defaultDelay)
	o.Rounds = cmp.Or(o.Rounds, defaultRounds)
	switch {
	case o.File == "":
		return o, errors.New("filmstrip: the file of the picture is needed (-filmstrip)")
	case o.Delay < 0:
		return o, fmt.Errorf("filmstrip: the delay must be 0 or more, not %v", o.Delay)
	case o.Rounds < 0:
		return o, fmt.Errorf("filmstrip: %d rounds; there must be 1 or more", o.Rounds)
	}
	return o, nil
}

// Result tells what the picture shows.
type Result struct {
	// File is the picture.
	File string `json:"file"`
	// Delay is that of the backend, milliseconds.
	Delay int64 `json:"delay_ms"`
	// Device says what the page is loaded on.
	Device string `json:"device"`
	Rows   []Row  `json:"rows"`
}

// Row is a front end in the picture. Times are milliseconds since the navigation began.
type Row struct {
	FrontEnd string `json:"front_end"`
	// FirstPaint is First Contentful Paint of each load; that of the picture is the
	// median, the earlier one of an even number.
	FirstPaint []float64 `json:"first_paint_ms"`
	// Loaded is when the load event began, of the load in the picture.
	Loaded float64 `json:"loaded_ms"`
}

// Markdown writes what the picture shows as a table.
func (r *Result) Markdown(w io.Writer) error {
	table := stats.Table{Columns: []string{"front end", "first paint, ms:", "load, ms:"}}
	for _, row := range r.Rows {
		table.Add(row.FrontEnd, fmt.Sprintf("%.0f", shown(row.FirstPaint)), fmt.Sprintf("%.0f", row.Loaded))
	}
	if _, err := fmt.Fprintf(w, "%s shows the aggregator, which takes %d ms for a page, on %s.\n\n", r.File, r.Delay, r.Device); err != nil {
		return err
	}
	return table.Write(w)
}

// shown returns the value of the load that is shown.
func shown(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// Run films the aggregator's index, and writes the picture. What happens meanwhile goes
// to progress. Without Chromium the error wraps chromium.ErrMissing. The main of the
// command must call rig.BeChild.
func Run(ctx context.Context, o Options, progress io.Writer) (*Result, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	backend, err := backends.Aggregator(o.Delay)
	if err != nil {
		return nil, fmt.Errorf("filmstrip: %w", err)
	}
	defer backend.Close()
	r := &Result{File: o.File, Delay: o.Delay.Milliseconds(), Device: phone.name}
	picture, err := r.make(ctx, o, backend, progress)
	if err != nil {
		return nil, fmt.Errorf("filmstrip: %w", err)
	}
	if err := os.WriteFile(o.File, picture, 0o644); err != nil { //nolint:gosec // a picture for everybody
		return nil, fmt.Errorf("filmstrip: %w", err)
	}
	return r, nil
}

// make films all rows, and returns the picture.
func (r *Result) make(ctx context.Context, o Options, backend *backends.Backend, progress io.Writer) ([]byte, error) {
	s, err := openStudio(ctx, phone, backend)
	if err != nil {
		return nil, err
	}
	defer s.close()
	takes := make([][]film, len(frontEnds))
	for round := range o.Rounds {
		fmt.Fprintf(progress, "filmstrip: round %d of %d\n", round+1, o.Rounds)
		for i, f := range frontEnds {
			take, err := s.film(f, nil)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.front.Name, err)
			}
			takes[i] = append(takes[i], take)
		}
	}
	films := make([]film, len(frontEnds))
	for i, f := range frontEnds {
		row := Row{FrontEnd: f.label}
		for _, take := range takes[i] {
			row.FirstPaint = append(row.FirstPaint, milliseconds(take.firstPaint))
		}
		films[i] = takes[i][slices.Index(row.FirstPaint, shown(row.FirstPaint))]
		row.Loaded = milliseconds(films[i].loaded)
		r.Rows = append(r.Rows, row)
	}
	title := fmt.Sprintf("The same page on %s, from a backend that takes %g s", phone.name, o.Delay.Seconds())
	return s.compose(title, layOut(films))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A studio has all front ends, and a browser at the other end of the link.
type studio struct {
	device  device
	backend *backends.Backend
	stage   *browser.Stage
	browser *browser.Browser
}

// openStudio starts everything, and teaches the pages. The caller must close it, unless
// there is an error.
func openStudio(ctx context.Context, d device, backend *backends.Backend) (_ *studio, err error) {
	s := &studio{device: d, backend: backend}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	fronts := make([]browser.Front, 0, len(frontEnds))
	for _, f := range frontEnds {
		f.front.Backend = backend.Addr
		fronts = append(fronts, f.front)
	}
	if s.stage, err = browser.StartStage(ctx, fronts); err != nil {
		return nil, err
	}
	for _, f := range frontEnds {
		if err := s.stage.Teach(ctx, f.front.Name, s.path(f), f.front.Flush); err != nil {
			return nil, err
		}
	}
	s.browser, err = s.stage.Connect(ctx, d.link)
	return s, err
}

// path is what the visitors of a front end ask for.
func (s *studio) path(f frontEnd) string {
	if f.split {
		return s.backend.Split
	}
	return s.backend.Page
}

func (s *studio) close() {
	if s.browser != nil {
		s.browser.Close()
	}
	if s.stage != nil {
		s.stage.Close()
	}
}
