package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// op is one step of TestLotModel, on one of the responses so far.
type op struct {
	kind string
	i, n int
}

// modeled is a response and what it should be like.
type modeled struct {
	p        *Parked
	ticket   string
	visit    Visit
	born     time.Time
	body     []byte
	canceled int
	// wantCanceled is -1 until the response is gone.
	wantCanceled int

	// gone: nobody can get it any more. collected: it was served, or is.
	closed, broken, collected, gone bool

	rec    *httptest.ResponseRecorder
	served <-chan error
	leave  context.CancelFunc
}

// model is a Lot and what should be in it.
type model struct {
	lot Lot
	// other is what the lot counts for responses outside of the model, so that it
	// fills up within a few steps.
	other int
	all   []*modeled
}

// Whatever happens in whatever order, every response is with its visitor, or
// waits, or is gone and canceled, and the bytes of all are counted.
func TestLotModel(t *testing.T) {
	step := rapid.Custom(func(rt *rapid.T) op {
		return op{
			rapid.SampledFrom([]string{"park", "park", "write", "write", "write", "close", "break", "collect", "stranger", "leave", "sleep"}).Draw(rt, "kind"),
			rapid.IntRange(0, 9).Draw(rt, "i"),
			rapid.OneOf(rapid.IntRange(0, 2*smallChunk), rapid.IntRange(0, MaxParked)).Draw(rt, "n"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(step, 1, 60).Draw(rt, "steps")
		room := rapid.SampledFrom([]int{0, 5000, 2 * MaxParked, MaxLot}).Draw(rt, "room")
		var failure error
		synctest.Test(t, func(*testing.T) {
			m := &model{other: MaxLot - room}
			m.lot.bytes = m.other
			for i, op := range steps {
				err := m.do(op)
				synctest.Wait()
				if err = errors.Join(err, m.check()); err != nil {
					failure = fmt.Errorf("step %d, %v: %w", i, op, err)
					break
				}
			}
			failure = errors.Join(failure, m.end())
		})
		if failure != nil {
			rt.Fatal(failure)
		}
	})
}

func (m *model) do(op op) error {
	switch {
	case op.kind == "sleep":
		time.Sleep(ParkTime * time.Duration(op.i) / 10)
		return nil
	case op.kind == "park":
		return m.park(op.n)
	case len(m.all) == 0:
		return nil
	}
	r := m.all[op.i%len(m.all)]
	switch op.kind {
	case "write":
		return m.write(r, op.n)
	case "close":
		r.p.Close(nil, nil)
		r.closed = true
	case "break":
		r.p.Close(nil, errors.New("died"))
		r.broken = r.broken || !r.closed
		r.closed = true
	case "stranger":
		other := r.visit
		other.Cookies += "; x=y"
		if m.lot.Collect(r.ticket, other) != nil {
			return errors.New("collected by another visit")
		}
	case "collect":
		p := m.lot.Collect(r.ticket, r.visit)
		if (p != nil) != (!r.collected && !r.gone) {
			return fmt.Errorf("collected: %v", p != nil)
		}
		if p != nil {
			ctx, leave := context.WithCancel(context.Background())
			r.collected, r.leave, r.rec = true, leave, httptest.NewRecorder()
			r.served = serve(ctx, p, r.rec)
		}
	case "leave":
		if r.collected {
			r.leave()
			r.gone = true
		}
	}
	return nil
}

func (m *model) park(n int) error {
	r := &modeled{born: time.Now(), visit: Visit{Target: fmt.Sprint(n)}, wantCanceled: -1}
	header := http.Header{"X-Long": {string(make([]byte, n/8))}}
	room := MaxLot - m.lot.bytes
	r.p, r.ticket = m.lot.Park(r.visit, http.StatusOK, header, func() { r.canceled++ })
	if r.p != nil {
		m.all = append(m.all, r)
	}
	if fits := overhead+sizeOf(header) <= room; fits != (r.p != nil) {
		return fmt.Errorf("fits: %v, parked: %v", fits, r.p != nil)
	}
	return nil
}

func (m *model) write(r *modeled, n int) error {
	if r.closed {
		return nil
	}
	own, room := MaxParked-r.p.size, MaxLot-m.lot.bytes
	part := bytes.Repeat([]byte{byte(len(r.body))}, n)
	n, err := r.p.Write(part)
	r.body = append(r.body, part[:n]...)
	switch {
	case (err != nil) != (n < len(part)) && len(part) > 0:
		return fmt.Errorf("wrote %d of %d: %w", n, len(part), err)
	case r.gone && !errors.Is(err, ErrGone):
		return fmt.Errorf("wrote to a response that is gone: %w", err)
	case !r.gone && errors.Is(err, errTooLarge) && own >= len(part),
		!r.gone && errors.Is(err, errFull) && room >= max(len(part), smallChunk):
		return fmt.Errorf("%d bytes of %d and %d: %w", len(part), own, room, err)
	case !r.gone && err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errFull):
		return fmt.Errorf("write failed: %w", err)
	}
	r.gone = r.gone || err != nil
	return nil
}

// check compares what is there with what should be, between two steps.
func (m *model) check() error {
	waiting, size := 0, m.other
	for i, r := range m.all {
		size += r.p.size
		done := r.collected && (r.closed || r.gone)
		if !r.collected && time.Since(r.born) >= ParkTime {
			r.gone = true
		}
		if !r.collected && !r.gone {
			waiting++
		}
		switch {
		case !r.gone || r.wantCanceled >= 0:
		case r.closed:
			r.wantCanceled = 0
		default:
			r.wantCanceled = 1
		}
		most := overhead + 64 + 22 + MaxParked/8 + len(r.body) + smallChunk
		switch {
		case r.canceled != max(r.wantCanceled, 0):
			return fmt.Errorf("response %d: canceled %d times, want %d", i, r.canceled, r.wantCanceled)
		case (r.gone || done) && r.p.size != 0:
			return fmt.Errorf("response %d: %d bytes of it are left", i, r.p.size)
		case r.p.size > min(MaxParked, most):
			return fmt.Errorf("response %d: takes %d bytes for %d", i, r.p.size, len(r.body))
		case !r.gone && !r.collected && r.p.size < overhead+len(r.body):
			return fmt.Errorf("response %d: takes %d bytes for %d", i, r.p.size, len(r.body))
		case r.collected && !bytes.HasPrefix(r.body, r.rec.Body.Bytes()):
			return fmt.Errorf("response %d: other bytes than were written", i)
		case r.collected && !r.gone && r.rec.Body.Len() != len(r.body):
			return fmt.Errorf("response %d: %d bytes were written, %d arrived", i, len(r.body), r.rec.Body.Len())
		}
	}
	if got := m.lot.Bytes(); got != size || got > MaxLot {
		return fmt.Errorf("%d bytes are counted, want %d", got, size)
	}
	if got := m.lot.Len(); got != waiting {
		return fmt.Errorf("%d responses wait, want %d", got, waiting)
	}
	return nil
}

// end lets all time pass and all producers end.
func (m *model) end() error {
	time.Sleep(ParkTime)
	synctest.Wait()
	for i, r := range m.all {
		whole := r.collected && !r.gone && !r.broken
		r.p.Close(nil, nil)
		if r.collected {
			if err := <-r.served; whole && err != nil || r.broken && !r.gone && err == nil {
				return fmt.Errorf("response %d: served with %w", i, err)
			}
			r.leave()
		}
	}
	if len(m.lot.waiting) != 0 || m.lot.Bytes() != m.other {
		return fmt.Errorf("%d responses, %d bytes left", m.lot.Len(), m.lot.Bytes()-m.other)
	}
	return nil
}
