package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// A loadKind is a kind of request, as Headstart sees it. The plain site gets the
// same.
type loadKind struct {
	name, what, target string
	path               string
	header             http.Header
	committed          bool
}

var loadKinds = []loadKind{
	// With a Content-Length, plain reverse_proxy works least: it passes it on and
	// never flushes. A committed response is always chunked.
	{"committed", "committed", committedTarget, pathFast, browserHeader, true},
	{"chunked", "committed, chunked backend", committedTarget, pathChunked, browserHeader, true},
	{"ineligible", "not eligible (curl)", ineligibleTarget, pathFast, toolHeader, false},
	// A page that sets a cookie each time is never committed, so every clean
	// visit is observed in full, and every other visit is compared.
	{"learning", "learning from each", noTarget, pathCookie, browserHeader, false},
	{"comparing", "comparing each", noTarget, pathCookie, withCookie(browserHeader), false},
}

func withCookie(h http.Header) http.Header {
	h = h.Clone()
	h.Set("Cookie", "session=1")
	return h
}

// load measures how many requests a second some connections get through, each
// sending the next one when it has read the last.
type load struct {
	kind        loadKind
	connections int

	stage   *stage
	request []byte
}

func (l *load) prepare(ctx context.Context, s *stage) error {
	l.stage, l.request = s, requestBytes(l.kind.path, l.kind.header)
	if l.kind.path == pathCookie { // there must be something to compare with
		visitor := newVisitor(rig.H1)
		defer visitor.close()
		for range 4 {
			if _, err := visitor.visit(ctx, s.url(rig.H1, headstart, pathCookie)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *load) close() {}

// round loads both sites for a slice each, in the order A B B A: what comes first
// after another row is slower by some percent, and neither side should always be
// that.
func (l *load) round(ctx context.Context, slice time.Duration) (r round, err error) {
	for _, name := range []string{plain, headstart, headstart, plain} {
		side, committed := &r.base, false
		if name == headstart {
			side, committed = &r.headstart, l.kind.committed
		}
		rate, cpu, err := l.turn(ctx, name, committed, slice/2)
		if err != nil {
			return r, err
		}
		side.values = append(side.values, rate)
		side.cpu += cpu / 2
	}
	return r, nil
}

// turn loads one site, and returns requests per second and the CPU time of Caddy
// per request.
func (l *load) turn(ctx context.Context, name string, committed bool, slice time.Duration) (rate float64, cpu time.Duration, err error) {
	conns := make([]*connection, l.connections)
	for i := range conns {
		conn, err := dial(ctx, l.stage.addr(name))
		if err != nil {
			return 0, 0, err
		}
		defer conn.Close()
		conns[i] = conn
		if err := conn.exchange(l.request, pageSize, committed); err != nil {
			return 0, 0, err
		}
	}
	before, err := l.stage.ask(rig.Order{})
	if err != nil {
		return 0, 0, err
	}

	start := time.Now()
	counts, errs := make([]int, len(conns)), make([]error, len(conns))
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			for ctx.Err() == nil && errs[i] == nil && (counts[i] == 0 || time.Since(start) < slice) {
				errs[i] = conn.exchange(l.request, pageSize, committed)
				counts[i]++
			}
		})
	}
	wg.Wait()
	took := time.Since(start)

	after, err := l.stage.ask(rig.Order{})
	if err != nil {
		return 0, 0, err
	}
	total := 0
	for i := range conns {
		if errs[i] != nil {
			return 0, 0, errs[i]
		}
		total += counts[i]
	}
	if ctx.Err() != nil {
		return 0, 0, ctx.Err()
	}
	return float64(total) / took.Seconds(), (after.CPU - before.CPU) / time.Duration(total), nil
}
