package module_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
)

// An ending is how a response or a connection came to its end.
type ending string

const (
	cleanEnd  ending = "clean end"
	timeIsOut ending = "time is out"
	// All others are aborts, such as these of HTTP/1.
	cutOff ending = "abort: unexpected end of file"
	reset  ending = "abort: connection reset"
)

// aborted tells whether a visitor can see that something is missing.
func (e ending) aborted() bool { return strings.HasPrefix(string(e), "abort: ") }

// classify says how a read or a request ended that gave err.
func classify(err error) ending {
	var (
		h2  http2.StreamError
		h3  *http3.Error
		app *quic.ApplicationError
		st  *quic.StreamError
	)
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // only a bare EOF is a clean end; transports wrap others
		return cleanEnd
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return timeIsOut
	case errors.As(err, &h2):
		return ending("abort: h2 " + h2.Code.String())
	case errors.As(err, &h3):
		return ending("abort: h3 " + h3.ErrorCode.String())
	case errors.As(err, &st):
		return ending(fmt.Sprintf("abort: quic stream %d", st.ErrorCode))
	case errors.As(err, &app):
		return ending(fmt.Sprintf("abort: quic application %d", app.ErrorCode))
	case errors.Is(err, syscall.ECONNRESET):
		return reset
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return cutOff
	}
	return ending("abort: " + err.Error())
}

// A stream takes in what a peer sends, so that a test can look at a part of it
// while the rest is still to come.
type stream struct {
	mu   sync.Mutex // protects what follows
	got  []byte
	end  ending        // empty while there may be more
	more chan struct{} // closed and replaced when something comes
}

// startStream reads from a peer until it ends, and decodes a Content-Encoding.
// With the test, stop ends it.
func startStream(t *testing.T, peer *recorder, coding string, stop func() error) *stream {
	t.Helper()
	s := &stream{more: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.pump(peer, coding)
	}()
	t.Cleanup(func() {
		// The error is of no interest: the connection may have been aborted.
		_ = stop()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("a response does not end")
		}
	})
	return s
}

// endedStream is a stream that never began.
func endedStream(t *testing.T, err error) *stream {
	t.Helper()
	end := classify(err)
	if end == timeIsOut {
		t.Fatalf("waited too long for a response: %v", err)
	}
	if end == cleanEnd {
		end = cutOff // the connection ended where a response should be
	}
	return &stream{end: end, more: make(chan struct{})}
}

func (s *stream) pump(peer *recorder, coding string) {
	text, err := decoder(peer, coding)
	buf := make([]byte, 32<<10)
	for err == nil {
		var n int
		n, err = text.Read(buf)
		s.add(buf[:n], "")
	}
	end := classify(err)
	if peer.err != nil {
		// What the connection says counts more than what a decoder says.
		end = classify(peer.err)
	}
	if end == cleanEnd && classify(err) != cleanEnd {
		end = ending(fmt.Sprintf("abort: broken %s: %v", coding, err))
	}
	s.add(nil, end)
}

// decoder wraps peer for a content coding.
func decoder(peer io.Reader, coding string) (io.Reader, error) {
	switch coding {
	case "gzip":
		return gzip.NewReader(peer)
	case "zstd":
		return zstd.NewReader(peer, zstd.WithDecoderConcurrency(1))
	}
	return peer, nil
}

func (s *stream) add(p []byte, end ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p...)
	s.end = end
	close(s.more)
	s.more = make(chan struct{})
}

// soFar is what has come in, and how it ended if it has.
func (s *stream) soFar() (text string, end ending) {
	text, end, _ = s.look()
	return text, end
}

func (s *stream) look() (text string, end ending, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.got), s.end, s.more
}

// readUntil returns what has come in once it contains the wanted text. The test
// fails if the stream ends without.
func (s *stream) readUntil(t *testing.T, want string) string {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		text, end, more := s.look()
		switch {
		case strings.Contains(text, want):
			return text
		case end != "":
			t.Fatalf("%s before %q; got %q", end, want, text)
		}
		select {
		case <-more:
		case <-timer.C:
			t.Fatalf("waited too long for %q; got %q", want, text)
		}
	}
}

// rest waits for the end and returns all that came in, from the beginning.
func (s *stream) rest(t *testing.T) (text string, end ending) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		text, end, more := s.look()
		if end != "" {
			if end == timeIsOut {
				t.Fatalf("waited too long for the end; got %q", text)
			}
			return text, end
		}
		select {
		case <-more:
		case <-timer.C:
			t.Fatalf("waited too long for the end; got %q", text)
		}
	}
}

// stillOpen fails if the stream has ended. It says nothing of what follows, so
// it belongs behind a closed gate.
func (s *stream) stillOpen(t *testing.T) {
	t.Helper()
	if text, end := s.soFar(); end != "" {
		t.Fatalf("%s too early; got %q", end, text)
	}
}

// A recorder keeps what passes through it. It is complete when the stream that
// reads from it has ended.
type recorder struct {
	from io.Reader
	got  []byte
	err  error // what ended it, nil for a clean end
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.got = append(r.got, p[:n]...)
	if err != nil && classify(err) != cleanEnd && !errors.Is(err, net.ErrClosed) {
		r.err = err
	}
	return n, err
}
