// Package stream is the part of the bench that measures by how much Headstart delays
// the chunks of a page that its backend writes bit by bit, against a reverse_proxy
// that flushes each.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
)

const (
	// interval is from chunk to chunk of one stream.
	interval = 5 * time.Millisecond
	// longest is how many chunks a stream has at most: it has to end within the
	// patience of its visitor.
	longest = 400
)

// The sites.
const (
	plain     = "plain"
	headstart = "headstart"
)

// A kind is a kind of request, as Headstart sees it.
type kind struct {
	name, what string
	tool       bool // not a browser
	nonces     bool
	committed  bool
}

var kinds = []kind{
	{name: "committed", what: "committed", committed: true},
	{name: "nonce", what: "committed, nonce rewriting", committed: true, nonces: true},
	{name: "ineligible", what: "not eligible", tool: true},
}

func (k kind) header() http.Header {
	if k.tool {
		return stage.Tool()
	}
	return stage.Browser()
}

// IDs returns the ids of all rows.
func IDs() []string { return stage.IDs(newRows()) }

// Run measures. It says in progress how far it is.
func Run(ctx context.Context, o stage.Options, progress io.Writer) (*Result, error) {
	b := &backend{feeds: make(map[string]*feed)}
	s, err := stage.Start(ctx, stage.Config{
		Backend: b,
		Proxy:   "flush_interval -1",
		Sites: []stage.Site{
			{Name: plain, Text: stage.Plain},
			{Name: headstart, Text: stage.Headstart("flush shell")},
		},
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rows := stage.Choose(newRows(), o.Only)
	for _, r := range rows {
		r.stage, r.backend = s, b
	}
	if err := stage.Measure(ctx, rows, o, progress); err != nil {
		return nil, err
	}
	return newResult(rows), nil
}

func newRows() []*row {
	rows := make([]*row, 0, len(kinds)*len(stage.Protocols))
	for _, k := range kinds {
		for _, protocol := range stage.Protocols {
			rows = append(rows, &row{kind: k, protocol: protocol})
		}
	}
	return rows
}

// A row compares the sides for one kind and protocol.
type row struct {
	kind     kind
	protocol string

	stage   *stage.Stage
	backend *backend
	sides   []*side
}

// A side is whose chunks are measured.
type side struct {
	site, path string
	committed  bool
	visitor    *stage.Visitor
	rounds     [][]float64 // delays of all chunks, microseconds
}

// add adds a delay to those of the last round.
func (s *side) add(delay float64) {
	last := &s.rounds[len(s.rounds)-1]
	*last = append(*last, delay)
}

// ID names the row.
func (r *row) ID() string { return "stream/" + r.kind.name + "/" + r.protocol }

// Prepare teaches the page and makes the connections.
func (r *row) Prepare(ctx context.Context) error {
	r.sides = []*side{{site: plain, path: pathPlain}, {site: headstart, path: pathOurs, committed: r.kind.committed}}
	for _, s := range r.sides {
		s.visitor = stage.NewVisitor(r.protocol)
		if r.kind.nonces {
			s.path = nonces + s.path
		}
		if s.committed {
			if _, err := r.stage.Teach(ctx, stage.Shell, r.protocol, s.site, s.path, r.kind.header()); err != nil {
				return err
			}
		}
	}
	if err := r.Round(ctx, 2*interval); err != nil {
		return err
	}
	for _, s := range r.sides {
		s.rounds = nil // connecting
	}
	return nil
}

// Close closes the connections.
func (r *row) Close() {
	for _, s := range r.sides {
		if s.visitor != nil {
			s.visitor.Close()
		}
	}
}

// Round lets both sides stream, as often as there is time for.
func (r *row) Round(ctx context.Context, length time.Duration) error {
	slices.Reverse(r.sides)
	for _, s := range r.sides {
		s.rounds = append(s.rounds, nil)
	}
	for chunks := max(int(length/interval), 1); chunks > 0; chunks -= longest {
		if err := r.both(ctx, min(chunks, longest)); err != nil {
			return err
		}
	}
	return nil
}

// both lets both sides stream at once. Their chunks alternate, half an interval apart:
// so whatever else the machine does meets both alike, and neither is in the other's
// way.
func (r *row) both(ctx context.Context, chunks int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	streams := make([]*streaming, 0, len(r.sides))
	for _, s := range r.sides {
		st := r.start(ctx, s, chunks, cancel)
		defer func() { <-st.done }()
		defer cancel(nil)
		streams = append(streams, st)
	}
	for _, st := range streams {
		select {
		case <-st.begun:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	ticker := time.NewTicker(interval / time.Duration(len(streams)))
	defer ticker.Stop()
	for range chunks {
		for _, st := range streams {
			<-ticker.C
			select {
			case st.feed.turns <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	for _, st := range streams {
		close(st.feed.turns)
		select {
		case <-st.done:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		<-st.feed.ended
		for n, sent := range st.feed.sent {
			delay := st.arrived[n].Sub(sent)
			st.side.add(float64(delay) / float64(time.Microsecond))
		}
	}
	return nil
}

// streaming is an answer that comes bit by bit.
type streaming struct {
	side    *side
	feed    *feed
	begun   chan struct{} // closed when what comes before the chunks is there
	done    chan struct{} // closed when all is there, or it has failed
	arrived []time.Time   // when the end of each chunk was there; to be read when done
}

// start asks for a page that is streamed. If that fails it calls fail.
func (r *row) start(ctx context.Context, s *side, chunks int, fail context.CancelCauseFunc) *streaming {
	st := &streaming{side: s, feed: newFeed(), begun: make(chan struct{}), done: make(chan struct{})}
	r.backend.next(s.path, st.feed)
	first := newPage(r.kind.nonces).StampEnd
	want := stage.Visit{Status: http.StatusOK, Committed: s.committed, Size: first + chunks*chunkSize + len(end)}
	go func() {
		defer close(st.done)
		begun := false
		got, err := s.visitor.Visit(ctx, r.stage.URL(r.protocol, s.site, s.path), r.kind.header(),
			func(_ []byte, total int, _ time.Duration) {
				now := time.Now()
				if !begun && total >= first {
					begun = true
					close(st.begun)
				}
				for len(st.arrived) < chunks && total >= first+(len(st.arrived)+1)*chunkSize {
					st.arrived = append(st.arrived, now)
				}
			})
		switch {
		case err != nil:
			fail(fmt.Errorf("site %s: %w", s.site, err))
		case got != want:
			fail(fmt.Errorf("site %s: the answer is %+v, not %+v", s.site, got, want))
		case len(st.arrived) != chunks:
			fail(errors.New("site " + s.site + ": chunks are missing"))
		}
	}()
	return st
}
