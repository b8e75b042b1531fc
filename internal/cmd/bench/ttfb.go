package main

import (
	"context"
	"errors"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// pause goes before every visit, so that both sides find the machine alike: the
// work that follows a response has been done.
const pause = 2 * time.Millisecond

// firstByte measures how long the first byte of a body takes: from a backend
// that is slow, through Headstart, and from Caddy's own respond with the bytes
// of the opening, which is the least that any handler can take.
type firstByte struct {
	protocol string

	stage   *stage
	visitor *visitor
}

func (f *firstByte) prepare(ctx context.Context, s *stage) error {
	f.stage, f.visitor = s, newVisitor(f.protocol)
	for range 3 { // connections, handshakes
		if _, err := f.pair(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (f *firstByte) close() {
	if f.visitor != nil {
		f.visitor.close()
	}
}

// round visits both sites in turns. A slice is for one side.
func (f *firstByte) round(ctx context.Context, slice time.Duration) (round, error) {
	var r round
	for end := time.Now().Add(2 * slice); len(r.base.values) == 0 || time.Now().Before(end); {
		times, err := f.pair(ctx)
		if err != nil {
			return r, err
		}
		r.base.values = append(r.base.values, microseconds(times[0]))
		r.headstart.values = append(r.headstart.values, microseconds(times[1]))
	}
	return r, nil
}

// pair visits the respond site, then the Headstart site.
func (f *firstByte) pair(ctx context.Context) (times [2]time.Duration, err error) {
	want := [2]sample{
		{committed: false, size: int64(len(f.stage.opening))},
		{committed: true, size: int64(len(f.stage.origin.page))},
	}
	for i, name := range []string{respond, headstart} {
		if !rig.Sleep(ctx, pause) {
			return times, ctx.Err()
		}
		got, err := f.visitor.visit(ctx, f.stage.url(f.protocol, name, pathSlow))
		if err != nil {
			return times, err
		}
		times[i], got.firstByte = got.firstByte, 0
		if got != want[i] {
			return times, errors.New("site " + name + ": the response was not committed as expected, or is not whole")
		}
	}
	return times, nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
