// Package browser measures in Chromium what visitors see of a slow page: with
// Headstart, with the plain proxy, and with what they would otherwise use.
//
// Each visit is a click on a link of a page that is there already, in a browser
// context without cache, cookies and connections, over a link of its own to a Caddy in
// another process. The backend is near Caddy. The front ends are visited in turns.
package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/backends"
)

// Options say what to measure.
type Options struct {
	// Only says whether to measure a group of rows by its id, one of [IDs]. Default: all.
	Only func(id string) bool
	// Delays are those of the backend. Default: 100, 300, 800 and 2000 ms. They should
	// be more than Headstart's min_wait, 30 ms: it leaves faster backends alone.
	Delays []time.Duration
	// Rounds is how many visits each front end gets. Default: 3.
	Rounds int
	// NoLighthouse leaves Lighthouse out, even if it is installed.
	NoLighthouse bool
}

var defaultDelays = []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 800 * time.Millisecond, 2 * time.Second}

const defaultRounds = 3

// complete fills in the defaults.
func (o Options) complete() (Options, error) {
	o.Rounds = cmp.Or(o.Rounds, defaultRounds)
	if o.Only == nil {
		o.Only = func(string) bool { return true }
	}
	if len(o.Delays) == 0 {
		o.Delays = defaultDelays
	}
	for _, d := range o.Delays {
		if d <= 0 {
			return o, fmt.Errorf("a delay of %v; it must be more than 0", d)
		}
	}
	if o.Rounds < 1 {
		return o, fmt.Errorf("%d rounds; there must be 1 or more", o.Rounds)
	}
	return o, nil
}

// A group is what is visited in turns: all front ends of a site behind a link, in front
// of a backend with a delay.
type group struct {
	site  string
	kind  linkKind
	delay time.Duration
}

func (g group) id() string {
	return fmt.Sprintf("browser/%s/%s/%dms", g.site, g.kind.id, g.delay.Milliseconds())
}

// groups are the chosen ones, in the order in which they are measured.
func (o Options) groups() []group {
	var all []group
	for _, site := range sites {
		for _, kind := range linkKinds {
			for _, delay := range o.Delays {
				if g := (group{site, kind, delay}); o.Only(g.id()) {
					all = append(all, g)
				}
			}
		}
	}
	return all
}

// IDs are the ids of all groups of rows, with the default delays.
func IDs() []string {
	o, _ := Options{}.complete() // the defaults are no error
	groups := o.groups()
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.id()
	}
	return ids
}

// duration is about how long a run takes, Lighthouse left out.
func (o Options) duration() time.Duration {
	var total time.Duration
	for _, g := range o.groups() {
		for _, f := range frontEnds {
			visit := g.kind.usual
			if !f.undelayed {
				visit += g.delay
			}
			total += visit * time.Duration(o.Rounds)
		}
	}
	return total
}

// Run measures. Messages meanwhile go to progress. Without Chromium the error wraps
// [chromium.ErrMissing]; a site whose backend cannot run is left out, and the result
// says so. The main of the command must call rig.BeChild.
func Run(ctx context.Context, o Options, progress io.Writer) (*Result, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if _, err := chromium.Find(); err != nil {
		return nil, err
	}
	m := &measurement{Options: o, progress: progress, result: newResult(o)}
	if m.start, err = startLinkPage(); err != nil {
		return nil, err
	}
	defer m.start.close()
	if !o.NoLighthouse {
		if m.lighthouse, err = exec.LookPath("lighthouse"); err != nil {
			m.note("Lighthouse was not run: it is not installed (npm install -g lighthouse)")
		}
	}
	m.say("the browser part takes about %v, and more with Lighthouse", o.duration().Round(time.Minute))
	for _, name := range sites {
		if err := m.measureSite(ctx, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(m.result.Rows) == 0 {
		return nil, fmt.Errorf("nothing was measured: %s", strings.Join(m.result.Notes, "; "))
	}
	m.result.compare()
	return m.result, nil
}

// A measurement is a run of this part.
type measurement struct {
	Options

	progress   io.Writer
	lighthouse string // its path, "" to leave it out
	start      *linkPage
	result     *Result
}

func (m *measurement) say(format string, args ...any) {
	fmt.Fprintf(m.progress, format+"\n", args...)
}

// note says what a reader of the figures has to know.
func (m *measurement) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	m.say("NOTE: %s", text)
	m.result.Notes = append(m.result.Notes, text)
}

// measureSite measures a site over all links.
func (m *measurement) measureSite(ctx context.Context, name string) error {
	groups := slices.DeleteFunc(m.groups(), func(g group) bool { return g.site != name })
	if len(groups) == 0 {
		return nil
	}
	s, err := startSite(ctx, name, m.Delays)
	if errors.Is(err, backends.ErrMissing) {
		m.note("THE SITE %s WAS NOT MEASURED: %v", name, err)
		return nil
	}
	if err != nil {
		return err
	}
	defer s.close()
	for _, kind := range linkKinds {
		over := slices.DeleteFunc(slices.Clone(groups), func(g group) bool { return g.kind.id != kind.id })
		if len(over) == 0 {
			continue
		}
		if err := m.measureLink(ctx, s, over); err != nil {
			return err
		}
	}
	return nil
}

// measureLink measures groups that have a site and a link in common.
func (m *measurement) measureLink(ctx context.Context, s *runningSite, groups []group) error {
	browser, err := s.stage.Connect(ctx, groups[0].kind.link)
	if err != nil {
		return err
	}
	defer browser.Close()
	m.warmUp(s, browser, groups[0])
	for _, g := range groups {
		if err := m.measureGroup(ctx, s, browser, g); err != nil {
			if ctx.Err() != nil || browser.Context.Err() != nil {
				return err
			}
			m.note("%s WAS NOT MEASURED: %v", g.id(), err) // the others have taken minutes
		}
	}
	if m.lighthouse == "" {
		return nil
	}
	return m.runLighthouse(ctx, s, browser, groups)
}

// warmUp makes a visit that does not count: the first one after a start takes longer.
func (m *measurement) warmUp(s *runningSite, b *Browser, g group) {
	_, _ = visit(b.Context, m.start, s.url(frontEnds[0], g.delay), g.kind) // the next ones tell what is wrong
}

// measureGroup visits the front ends of a group in turns.
func (m *measurement) measureGroup(ctx context.Context, s *runningSite, b *Browser, g group) error {
	rows := make([]*Row, len(frontEnds))
	for i, f := range frontEnds {
		rows[i] = &Row{Site: g.site, Link: g.kind.id, Delay: g.delay.Milliseconds(), FrontEnd: f.id}
		if err := s.teach(ctx, f, g.delay); err != nil {
			return err
		}
	}
	for round := range m.Rounds {
		m.say("%s: round %d of %d", g.id(), round+1, m.Rounds)
		for i, f := range frontEnds {
			if err := m.visit(s, b, g, f, rows[i]); err != nil {
				return err
			}
		}
	}
	m.result.Rows = append(m.result.Rows, rows...)
	return nil
}

// visitTries is how often a visit may fail before the run does: a browser on a busy
// machine fails now and then.
const visitTries = 5

// visit adds one visit to a row. One that did not go as its front end should does not
// count.
func (m *measurement) visit(s *runningSite, b *Browser, g group, f frontEnd, row *Row) error {
	for try := 1; ; try++ {
		r, values, err := m.tryVisit(s, b, g, f)
		if err == nil {
			row.Visits = append(row.Visits, Visit{values, &r})
			return nil
		}
		err = fmt.Errorf("%s: %w", f.id, err)
		if try == visitTries || b.Context.Err() != nil {
			return err
		}
		m.note("a visit was repeated: %s, %v", g.id(), err)
	}
}

// tryVisit makes one visit.
func (m *measurement) tryVisit(s *runningSite, b *Browser, g group, f frontEnd) (raw, map[string]float64, error) {
	s.stage.log.forget()
	r, err := visit(b.Context, m.start, s.url(f, g.delay), g.kind)
	if err != nil {
		return r, nil, err
	}
	if LevelOf(r.Told) != f.flush {
		return r, nil, fmt.Errorf("the level is %q, not %q", r.Told, f.flush)
	}
	if !r.overLink(g.kind.link.RTT) {
		return r, nil, errors.New("the page did not come over the link")
	}
	asked, err := s.stage.log.sheet(s.stage.ports[frontName(f, g.delay)])
	if err != nil {
		return r, nil, err
	}
	r.asked(asked, g.kind.link.RTT)
	values, err := r.values()
	return r, values, err
}
