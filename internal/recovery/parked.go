package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// smallChunk is the least that is allocated for a body, in bytes, so that many
	// small writes do not take a chunk each.
	smallChunk = 4 << 10
	// copySize is how many bytes Serve takes over from a waiting Write at once.
	copySize = 32 << 10
)

var errEnded = errors.New("write to a parked response after its end")

// Parked is one response of a Lot. It goes from waiting to collected to gone, or
// from waiting to gone. One goroutine produces it (Write, Close), another one
// collects it (Collect, Serve).
type Parked struct {
	// These never change.
	lot    *Lot
	claim  claim
	status int
	timer  *time.Timer // drops it if nobody collects it

	// All below is protected by lot.mu, but for what the pointers of chunks in
	// Serve's hand lead to.

	// changed is signalled when Serve or a waiting Write has something to do.
	changed sync.Cond
	// header is nil once Serve took it.
	header, trailer http.Header
	// chunks are the bytes that nobody took yet, all but the last one full up to
	// their capacity. Nothing is added once the response is collected.
	chunks [][]byte
	// direct is the rest of what a waiting Write offers; only if collected.
	direct []byte
	// length is the number of body bytes written so far.
	length int
	// size is what is counted for this response in lot.bytes; inHand is the part of
	// it that Serve is writing right now: inHand <= size <= MaxParked.
	size, inHand int
	// cancel ends the backend's request. It is nil once called or not needed.
	cancel func()
	// ended is whether Close was called, and err is what with.
	ended bool
	err   error
	// collected is whether Collect returned it, started whether Serve was called.
	collected, started bool
	// gone is why nobody can get the response (any more), or nil.
	gone error
}

// Status returns the backend's status.
func (p *Parked) Status() int { return p.status }

// charge counts n bytes, or returns why there is no room for them. lot.mu is held.
func (p *Parked) charge(n int) error {
	switch {
	case n > MaxParked-p.size:
		return errTooLarge
	case n > MaxLot-p.lot.bytes:
		return errFull
	}
	p.size += n
	p.lot.bytes += n
	return nil
}

// release undoes charge. lot.mu is held.
func (p *Parked) release(n int) {
	p.size -= n
	p.lot.bytes -= n
}

// drop gives the response up and releases all that is not in Serve's hand. It
// returns what to call once lot.mu, which is held, is unlocked.
func (p *Parked) drop(why error) (cancel func()) {
	if p.gone != nil {
		return func() {}
	}
	p.gone = why
	p.timer.Stop()
	delete(p.lot.waiting, p.claim)
	p.header, p.trailer, p.chunks = nil, nil, nil
	p.release(p.size - p.inHand)
	p.changed.Broadcast()
	return p.takeCancel()
}

// takeCancel returns cancel for the only time. lot.mu is held.
func (p *Parked) takeCancel() func() {
	cancel := p.cancel
	p.cancel = nil
	if cancel == nil {
		return func() {}
	}
	return cancel
}

// expire drops the response unless somebody collected it.
func (p *Parked) expire(why error) {
	p.lot.mu.Lock()
	cancel := func() {}
	if !p.collected {
		cancel = p.drop(why)
	}
	p.lot.mu.Unlock()
	cancel()
}

// leave drops the response on behalf of its collector.
func (p *Parked) leave(why error) {
	p.lot.mu.Lock()
	cancel := p.drop(why)
	p.lot.mu.Unlock()
	cancel()
}

// Write appends to the body. Before the response is collected, b is copied; if it
// does not fit within MaxParked and MaxLot, the whole response is given up. After
// that nothing is stored any more: Write waits until the collector has taken all
// that was there and b too, or has left. It returns an error that wraps ErrGone
// when nobody can get the response any more. Writes must not overlap.
func (p *Parked) Write(b []byte) (int, error) {
	p.lot.mu.Lock()
	cancel := func() {}
	var n int
	var err error
	switch {
	case p.ended:
		err = errEnded
	case p.gone != nil:
		err = p.gone
	case p.collected:
		n, err = p.offer(b)
	default:
		if err = p.keep(b); err != nil {
			cancel = p.drop(err)
		} else {
			n = len(b)
		}
	}
	p.length += n
	p.lot.mu.Unlock()
	cancel()
	return n, err
}

// keep stores a copy of b. What is counted is what is allocated. lot.mu is held.
func (p *Parked) keep(b []byte) error {
	if last := len(p.chunks) - 1; last >= 0 {
		chunk := p.chunks[last]
		n := min(len(b), cap(chunk)-len(chunk))
		p.chunks[last] = append(chunk, b[:n]...)
		b = b[n:]
	}
	if len(b) == 0 {
		return nil
	}
	size := max(len(b), min(smallChunk, MaxParked-p.size))
	if err := p.charge(size); err != nil {
		return err
	}
	p.chunks = append(p.chunks, append(make([]byte, 0, size), b...))
	return nil
}

// offer waits until Serve has copied all of b, and returns how much it has
// copied. lot.mu is held, but for the wait.
func (p *Parked) offer(b []byte) (int, error) {
	p.direct = b
	p.changed.Broadcast()
	for len(p.direct) > 0 && p.gone == nil {
		p.changed.Wait()
	}
	n := len(b) - len(p.direct)
	p.direct = nil
	if n < len(b) {
		return n, p.gone
	}
	return n, nil
}

// Close marks the end of the response. With err nil it is complete, else it broke
// off, and its collector's response is aborted behind the bytes so far. trailer
// may be nil; it is cloned, and its fields are named as handlers name them in the
// header map of a ResponseWriter: with http.TrailerPrefix, or plainly if the
// field Trailer announced them. Only the first call counts. A complete response
// waits on for its collector.
func (p *Parked) Close(trailer http.Header, err error) {
	p.lot.mu.Lock()
	defer p.lot.mu.Unlock()
	if p.ended || p.gone != nil {
		p.ended = true
		return
	}
	p.ended, p.err, p.trailer = true, err, trailer.Clone()
	p.cancel = nil // nothing to cancel, and what it refers to is released
	if !p.collected {
		if full := p.charge(sizeOf(trailer)); full != nil {
			p.drop(full) // its cancel is nil
			return
		}
	}
	p.changed.Broadcast()
}

// Serve writes a collected response to w: the backend's status, its header, and
// the body as it comes, flushed whenever the next bytes are not there yet. It
// returns nil after a complete response. It returns an error after one that broke
// off, and when the visitor left (ctx ends or w fails); the caller must abort its
// response then. However it returns, the response is gone; a producer that is
// still at it is canceled. A response can be served once.
//
// A field of the parked header replaces all values that w has under its name, the
// others stay. Content-Length stays only if the response is complete already and
// has this length (RFC 9110 section 8.6), since it may have been changed on its
// way. A 204 or 304 is sent without a body.
func (p *Parked) Serve(ctx context.Context, w http.ResponseWriter) error {
	header, err := p.start()
	if err != nil {
		return err
	}
	// A visitor who leaves ends the backend's request even while w blocks.
	left := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(left)
		p.leave(fmt.Errorf("%w: %w", errLeft, context.Cause(ctx)))
	})
	defer func() {
		if !stop() {
			<-left
		}
		p.finish()
	}()

	delete(w.Header(), "Content-Length")
	maps.Copy(w.Header(), header)
	w.WriteHeader(p.status)
	flusher := http.NewResponseController(w)
	buffer := []byte(nil)
	for flushed := false; ; {
		part, err := p.next(flushed, &buffer)
		switch {
		case err == io.EOF: //nolint:errorlint // next returns it as it is; a backend's error that wraps it is a failure
			return p.sendTrailer(w)
		case err != nil:
			_ = flusher.Flush() // an abort would take along what is buffered
			return err
		case len(part) == 0:
			err, flushed = flusher.Flush(), true
		case bodyAllowed(p.status):
			_, err = w.Write(part)
			flushed = false
		}
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("serving a parked response: %w", err)
		}
	}
}

// bodyAllowed reports whether responses of a final status have a body (RFC 9110
// sections 15.3.5 and 15.4.5).
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// start hands out the header, once.
func (p *Parked) start() (http.Header, error) {
	p.lot.mu.Lock()
	defer p.lot.mu.Unlock()
	switch {
	case p.gone != nil:
		return nil, p.gone
	case !p.collected || p.started:
		return nil, errors.New("a parked response is served once, by its collector")
	}
	p.started = true
	header := p.header
	p.header = nil
	complete := p.ended && p.err == nil && bodyAllowed(p.status)
	if !complete || !slices.Equal(header["Content-Length"], []string{strconv.Itoa(p.length)}) {
		delete(header, "Content-Length")
	}
	return header, nil
}

// next returns the next part of the body, or no bytes if there are none yet and
// wait is false; io.EOF at the end of a complete response. The part is valid
// until the next call, and counted until then if it was stored. buffer is for
// bytes that come straight from a Write.
func (p *Parked) next(wait bool, buffer *[]byte) ([]byte, error) {
	p.lot.mu.Lock()
	defer p.lot.mu.Unlock()
	p.release(p.inHand)
	p.inHand = 0
	for {
		switch {
		case p.gone != nil:
			return nil, p.gone
		case len(p.chunks) > 0:
			part := p.chunks[0]
			p.chunks[0] = nil
			p.chunks = p.chunks[1:]
			p.inHand = cap(part)
			return part, nil
		case len(p.direct) > 0:
			if *buffer == nil {
				*buffer = make([]byte, copySize)
			}
			// Copied, since Write returns, and its caller has its bytes back, as soon
			// as the visitor leaves.
			n := copy(*buffer, p.direct)
			p.direct = p.direct[n:]
			p.changed.Broadcast()
			return (*buffer)[:n], nil
		case p.err != nil:
			return nil, fmt.Errorf("parked response broke off: %w", p.err)
		case p.ended:
			return nil, io.EOF
		case !wait:
			return nil, nil
		}
		p.changed.Wait()
	}
}

// sendTrailer sets the trailer fields. A flush comes first: net/http has to have
// chosen the chunked coding by then (RFC 9112 section 7.1.2).
func (p *Parked) sendTrailer(w http.ResponseWriter) error {
	p.lot.mu.Lock()
	trailer := p.trailer
	p.trailer = nil
	p.lot.mu.Unlock()
	if len(trailer) == 0 {
		return nil
	}
	if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("serving a parked response: %w", err)
	}
	maps.Copy(w.Header(), trailer)
	return nil
}

// finish is the end of Serve: the part in its hand is released too.
func (p *Parked) finish() {
	p.leave(errLeft)
	p.lot.mu.Lock()
	p.release(p.inHand)
	p.inHand = 0
	p.lot.mu.Unlock()
}
