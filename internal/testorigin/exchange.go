package testorigin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// errEnded ends a script that has ended its connection itself.
var errEnded = errors.New("the connection has ended")

// past is a deadline that ends reads and writes, which know nothing of a
// context, at once.
var past = time.Unix(1, 0)

// An exchange is one request and its answer. One goroutine uses it.
type exchange struct {
	origin *Origin
	w      http.ResponseWriter
	rc     *http.ResponseController
	r      *http.Request
	body   *body // r.Body

	// ctx and timer bound the current step.
	ctx   context.Context
	timer *time.Timer

	// conn and buf are set once a step has taken over the connection.
	conn net.Conn
	buf  *bufio.ReadWriter
}

// run runs the steps and ends the exchange. It returns what went wrong against
// the wish of the script.
func (x *exchange) run(steps []Step) error {
	// Without this, net/http reads the whole request body before it sends the
	// first byte of the answer.
	if err := x.rc.EnableFullDuplex(); err != nil {
		return err
	}
	for i, step := range steps {
		err := x.step(step)
		if errors.Is(err, errEnded) {
			return nil
		}
		if err != nil {
			// The visitor must not take this for a complete answer.
			_ = x.hangUp(true)
			return fmt.Errorf("step %d of %s: %w", i+1, x.r.URL.Path, err)
		}
	}
	if x.conn != nil {
		return x.hangUp(false)
	}
	if x.r.Header.Get("Expect") != "" && !x.body.touched {
		// Nobody asked for the body, so it will not come; net/http would wait for
		// it before it closes the connection.
		_ = x.rc.SetReadDeadline(past)
		return nil
	}
	// The rest of the body belongs into the record.
	if err := x.step(ReadBody()); err != nil {
		return fmt.Errorf("after the last step of %s: %w", x.r.URL.Path, err)
	}
	return nil
}

// step runs one step, bounded in time and by the origin's end.
func (x *exchange) step(step Step) error {
	ctx, cancel := context.WithCancelCause(x.r.Context())
	defer cancel(nil)
	defer context.AfterFunc(x.origin.closed, func() { cancel(errClosed) })()
	x.ctx = ctx
	x.timer = time.AfterFunc(x.origin.timeout, func() { cancel(errTimeout) })
	defer x.timer.Stop()

	conn := x.conn
	defer context.AfterFunc(ctx, func() {
		if conn != nil {
			_ = conn.SetDeadline(past)
			return
		}
		_ = x.rc.SetReadDeadline(past)
		_ = x.rc.SetWriteDeadline(past)
	})()
	return step(x)
}

// extend gives the current step its full time again.
func (x *exchange) extend() { x.timer.Reset(x.origin.timeout) }

// write writes and flushes, raw after a take-over.
func (x *exchange) write(p []byte) error {
	if x.conn != nil {
		_, err := x.conn.Write(p)
		return err
	}
	//nolint:gosec // G705: an echo is what a test asked for
	if _, err := x.w.Write(p); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return err
	}
	return x.rc.Flush()
}

// reader gives what the visitor sends: the request body, or raw bytes after a
// take-over.
func (x *exchange) reader() io.Reader {
	if x.conn != nil {
		return x.buf
	}
	return x.r.Body
}

// speaksHTTP fails once the connection was taken over.
func (x *exchange) speaksHTTP() error {
	if x.conn != nil {
		return errors.New("the connection was taken over")
	}
	return nil
}

// takeOver takes the connection out of net/http's hands.
func (x *exchange) takeOver() error {
	if x.conn != nil {
		return nil
	}
	conn, buf, err := x.rc.Hijack()
	if err != nil {
		return fmt.Errorf("taking over the connection: %w", err)
	}
	x.conn, x.buf = conn, buf
	return nil
}

// hangUp closes the connection, with a reset if so wanted.
func (x *exchange) hangUp(reset bool) error {
	if err := x.takeOver(); err != nil {
		return err
	}
	if tcp, ok := x.conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	return x.conn.Close()
}
