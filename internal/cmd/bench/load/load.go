// Package load is the part of the bench that measures what Headstart costs: requests
// per second and CPU time per request against the same Caddy without it, from a
// backend that answers at once, so that there is nothing to gain.
package load

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/bare"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// connections are how many send requests at a time.
var connections = []int{1, 16, 256}

// keepAlive lets reverse_proxy keep a connection to the backend for each that it can
// need. Its default, 32, would have it connect anew for most requests.
const keepAlive = `transport http {
			keepalive_idle_conns_per_host 512
		}`

// IDs returns the ids of all rows.
func IDs() []string { return stage.IDs(newRows()) }

// Run measures. It says in progress how far it is.
func Run(ctx context.Context, o stage.Options, progress io.Writer) (*Result, error) {
	var sites []stage.Site
	for _, site := range siteTexts {
		sites = append(sites, twins(site.name, site.text)...)
	}
	s, err := stage.Start(ctx, stage.Config{Backend: newBackend(), Proxy: keepAlive, Sites: sites})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	opening, err := s.Teach(ctx, shell, rig.H1, shell, pathPage, stage.Browser())
	if err != nil {
		return nil, err
	}
	if err := s.Configure(ctx, append(sites, twins(early, bare.Site(opening))...)...); err != nil {
		return nil, err
	}
	p := &pool{stage: s, idle: make(map[string][]*connection)}
	defer p.close()

	rows := stage.Choose(newRows(), o.Only)
	for _, r := range rows {
		r.stage, r.pool = s, p
	}
	if err := stage.Measure(ctx, rows, o, progress); err != nil {
		return nil, err
	}
	return newResult(rows), nil
}

// twins returns a site, and the same behind encode.
func twins(name, text string) []stage.Site {
	return []stage.Site{{Name: name, Text: text}, {Name: name + gzipped, Text: "encode gzip\n\t" + text}}
}

func newRows() []*row {
	var rows []*row
	for _, gzip := range []bool{false, true} {
		for _, k := range kinds {
			for _, n := range k.numbers() {
				r := &row{kind: k, gzip: gzip, connections: n}
				r.request = requestBytes(k.path, k.header(gzip))
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// A row measures what a number of connections get through, each of which sends the
// next request when it has read the last answer.
type row struct {
	kind        kind
	gzip        bool
	connections int
	request     []byte

	stage  *stage.Stage
	pool   *pool
	rounds []round
}

// A round is what both sides have got through.
type round struct{ plain, headstart turns }

// turns are those of one side. They add up.
type turns struct {
	requests int
	took     time.Duration
	cpu      time.Duration // of Caddy
}

func (t turns) rate() float64 { return float64(t.requests) / t.took.Seconds() }

// cpuPer returns the CPU time of Caddy per request in microseconds.
func (t turns) cpuPer() float64 {
	return float64(t.cpu) / float64(time.Microsecond) / float64(t.requests)
}

func (t turns) plus(u turns) turns {
	return turns{t.requests + u.requests, t.took + u.took, t.cpu + u.cpu}
}

func (r *row) coding() string {
	if r.gzip {
		return "gzip"
	}
	return "identity"
}

// ID names the row.
func (r *row) ID() string {
	return fmt.Sprintf("load/%s/%s/%d", r.kind.name, r.coding(), r.connections)
}

func (r *row) site(name string) string {
	if r.gzip {
		return name + gzipped
	}
	return name
}

// Prepare teaches the page.
func (r *row) Prepare(ctx context.Context) error {
	site, header := r.site(r.kind.site), r.kind.header(r.gzip)
	if r.kind.site == early {
		return nil // it knows from the start
	}
	if r.kind.want.committed {
		_, err := r.stage.Teach(ctx, r.kind.site, rig.H1, site, r.kind.path, header)
		return err
	}
	// Nothing but clean visits teach: what is compared and hinted is known by them.
	header.Del("Cookie")
	visitor := stage.NewVisitor(rig.H1)
	defer visitor.Close()
	for range 6 {
		if _, err := visitor.Visit(ctx, r.stage.URL(rig.H1, site, r.kind.path), header, nil); err != nil {
			return fmt.Errorf("teaching %s: %w", r.kind.path, err)
		}
	}
	return nil
}

// Close has nothing to let go of: connections are the pool's.
func (r *row) Close() {}

// Round loads both sites twice, in the order A B B A: what comes first after another
// row is slower by some percent, and neither side should always be that.
func (r *row) Round(ctx context.Context, length time.Duration) error {
	var result round
	for _, name := range []string{plain, r.kind.site, r.kind.site, plain} {
		side, want := &result.plain, expected{gzip: r.gzip, size: stage.PageSize}
		if name != plain {
			side, want.answer = &result.headstart, r.kind.want
		}
		t, err := r.turn(ctx, r.site(name), want, length/4)
		if err != nil {
			return fmt.Errorf("site %s: %w", name, err)
		}
		*side = side.plus(t)
	}
	r.rounds = append(r.rounds, result)
	return nil
}

// turn loads one site.
func (r *row) turn(ctx context.Context, site string, want expected, length time.Duration) (turns, error) {
	conns, err := r.pool.take(ctx, site, r.connections)
	if err != nil {
		return turns{}, err
	}
	before, err := r.stage.CPUAtRest(ctx)
	if err != nil {
		return turns{}, err
	}

	start := time.Now()
	counts, errs := make([]int, len(conns)), make([]error, len(conns))
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			for ctx.Err() == nil && errs[i] == nil && (counts[i] == 0 || time.Since(start) < length) {
				errs[i] = conn.exchange(r.request, want)
				counts[i]++
			}
		})
	}
	wg.Wait()
	t := turns{took: time.Since(start)}

	after, err := r.stage.CPUAtRest(ctx)
	if err != nil {
		return turns{}, err
	}
	t.cpu = after - before
	for i := range conns {
		if errs[i] != nil {
			return turns{}, errs[i]
		}
		t.requests += counts[i]
	}
	return t, ctx.Err()
}

// A pool keeps connections to the sites from turn to turn: connecting is not measured.
type pool struct {
	stage *stage.Stage
	idle  map[string][]*connection // by site
}

// take returns n connections to a site. They stay in the pool: turns come one after
// the other.
func (p *pool) take(ctx context.Context, site string, n int) ([]*connection, error) {
	for len(p.idle[site]) < n {
		conn, err := dial(ctx, p.stage.Addr(site))
		if err != nil {
			return nil, err
		}
		p.idle[site] = append(p.idle[site], conn)
	}
	return p.idle[site][:n], nil
}

func (p *pool) close() {
	for _, conns := range p.idle {
		for _, conn := range conns {
			conn.Close()
		}
	}
}
