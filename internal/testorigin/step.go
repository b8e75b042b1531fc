package testorigin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// A Step is one thing that an answer does. What it has written is on the wire
// before the next step begins.
type Step func(x *exchange) error

// Wait tells the gate that a request has arrived and goes on when it is open.
func Wait(gate *Gate) Step {
	return func(x *exchange) error { return gate.pass(x.ctx) }
}

// Header sends status line and header, given as names and values in turn. A
// body after it is chunked unless there is a Content-Length; there is no
// Content-Type unless it is given. Date comes by itself.
func Header(status int, namesAndValues ...string) Step {
	return func(x *exchange) error {
		if err := x.speaksHTTP(); err != nil {
			return err
		}
		h := x.w.Header()
		h["Content-Type"] = nil // or net/http guesses one
		if err := fill(h, namesAndValues); err != nil {
			return err
		}
		x.w.WriteHeader(status)
		return x.rc.Flush()
	}
}

// Informational sends a 1xx response, such as 103 Early Hints.
func Informational(status int, namesAndValues ...string) Step {
	return func(x *exchange) error {
		if err := x.speaksHTTP(); err != nil {
			return err
		}
		if status < 100 || status > 199 || status == http.StatusSwitchingProtocols {
			return fmt.Errorf("%d is not an informational status", status)
		}
		if err := fill(x.w.Header(), namesAndValues); err != nil {
			return err
		}
		x.w.WriteHeader(status) // net/http flushes it
		clear(x.w.Header())
		return nil
	}
}

// Trailer sends one trailer field at the end of a chunked body. It is announced
// only if Header had a Trailer field that names it.
func Trailer(name, value string) Step {
	return func(x *exchange) error {
		if err := x.speaksHTTP(); err != nil {
			return err
		}
		x.w.Header().Set(http.TrailerPrefix+name, value)
		return nil
	}
}

// Write sends a part of the body in one piece.
func Write(part string) Step {
	return func(x *exchange) error { return x.write([]byte(part)) }
}

// Bytewise sends a part of the body one byte at a time, each in a chunk and a
// packet of its own.
func Bytewise(part string) Step {
	return func(x *exchange) error {
		for i := range len(part) {
			if err := x.write([]byte{part[i]}); err != nil {
				return err
			}
		}
		return nil
	}
}

// Stream sends what the reader that open returns holds. Every request gets a
// reader of its own.
func Stream(open func() io.Reader) Step {
	return func(x *exchange) error { return x.copy(open()) }
}

// Read reads so many bytes of the request body, or of the connection after
// TakeOver.
func Read(bytes int64) Step {
	return func(x *exchange) error {
		if _, err := io.CopyN(io.Discard, x.reader(), bytes); err != nil {
			return fmt.Errorf("reading %d bytes: %w", bytes, err)
		}
		return nil
	}
}

// ReadBody reads the rest of the request body. A visitor that waits for a 100
// Continue gets it, if no Header came before.
func ReadBody() Step {
	return func(x *exchange) error {
		if _, err := io.Copy(io.Discard, x.reader()); err != nil {
			return fmt.Errorf("reading the request body: %w", err)
		}
		return nil
	}
}

// Echo sends back what the visitor sends, while it comes in: the request body
// or, after TakeOver, whatever the visitor writes until it ends its side.
func Echo() Step {
	return func(x *exchange) error { return x.copy(x.reader()) }
}

// Serve lets an ordinary handler write the answer or a part of it. One that panics
// with [http.ErrAbortHandler] resets the connection, as [Abort] does.
func Serve(handler http.HandlerFunc) Step {
	return func(x *exchange) error {
		if err := x.speaksHTTP(); err != nil {
			return err
		}
		if x.aborts(handler) {
			return Abort()(x)
		}
		return x.rc.Flush()
	}
}

// aborts runs a handler, and reports whether it wants the connection reset.
func (x *exchange) aborts(handler http.HandlerFunc) (aborted bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(p)
		}
	}()
	handler(x.w, x.r.WithContext(x.ctx))
	return false
}

// TakeOver takes the connection out of the hands of HTTP: what Write, Bytewise
// and Stream send after it goes out as it is. At the end of the script the
// connection is closed.
func TakeOver() Step {
	return func(x *exchange) error { return x.takeOver() }
}

// Close closes the connection at once, in the middle of a response or before
// it. The visitor sees an end of file.
func Close() Step { return end(false) }

// Abort resets the connection at once. The visitor sees a reset; bytes that it
// has not received yet may be lost.
func Abort() Step { return end(true) }

func end(reset bool) Step {
	return func(x *exchange) error {
		if err := x.hangUp(reset); err != nil {
			return err
		}
		return errEnded
	}
}

// Hang sends nothing more until the visitor leaves.
func Hang() Step {
	return func(x *exchange) error {
		if x.conn != nil {
			if _, err := io.Copy(io.Discard, x.buf); err != nil {
				return fmt.Errorf("hanging: %w", err)
			}
			return errors.Join(x.hangUp(false), errEnded)
		}
		// net/http notices that a visitor has left only after the request body.
		if err := ReadBody()(x); err != nil {
			return err
		}
		<-x.ctx.Done()
		// The visitor may leave because of what ended the wait.
		if cause := context.Cause(x.ctx); errors.Is(cause, errTimeout) || x.origin.closed.Err() != nil {
			return fmt.Errorf("hanging: %w", cause)
		}
		return errors.Join(x.hangUp(false), errEnded)
	}
}

// copy sends all of r, with time for every part.
func (x *exchange) copy(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			x.extend()
			if err := x.write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading what to send: %w", err)
		}
	}
}

// fill adds names and values, given in turn, to h.
func fill(h http.Header, namesAndValues []string) error {
	if len(namesAndValues)%2 != 0 {
		return fmt.Errorf("header %q has no value", namesAndValues[len(namesAndValues)-1])
	}
	for i := 0; i < len(namesAndValues); i += 2 {
		h.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return nil
}
