package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

var protocols = []string{rig.H1, rig.H2, rig.H3}

// browserHeader is what a Chrome sends whose user typed a URL.
var browserHeader = testorigin.Navigation()

// toolHeader is what a program sends that asks for no page in particular.
var toolHeader = http.Header{
	"Accept":     {"*/*"},
	"User-Agent": {"curl/8.14.1"},
}

// isCommitted tells a response that was committed early by its header. The
// origin sends no Cache-Control.
func isCommitted(h http.Header) bool {
	return h.Get("Cache-Control") == "private, no-cache"
}

// A visitor asks for pages over one protocol, one after the other, on a
// connection that it keeps.
type visitor struct {
	transport http.RoundTripper
	close     func()
}

func newVisitor(protocol string) *visitor {
	transport, closeIdle := rig.NewTransport(protocol, siteName)
	return &visitor{transport, closeIdle}
}

// A sample is one visit.
type sample struct {
	firstByte time.Duration // from the start of the request to the first byte of the body
	committed bool
	size      int64 // bytes of the body
}

// visit navigates to a URL and reads all of the page.
func (v *visitor) visit(ctx context.Context, url string) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, rig.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return sample{}, err
	}
	req.Host = siteName
	req.Header = browserHeader

	start := time.Now()
	resp, err := v.transport.RoundTrip(req)
	if err != nil {
		return sample{}, err
	}
	defer resp.Body.Close()
	var first [1]byte
	if _, err := io.ReadFull(resp.Body, first[:]); err != nil {
		return sample{}, fmt.Errorf("reading the first byte: %w", err)
	}
	s := sample{firstByte: time.Since(start), committed: isCommitted(resp.Header)}
	rest, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return sample{}, fmt.Errorf("reading the page: %w", err)
	}
	s.size = rest + 1
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("the status is %d", resp.StatusCode)
	}
	return s, nil
}

// A connection speaks HTTP/1.1 with as little work as can be: it shares the
// machine with what it measures.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

// dial connects to a site by plain http.
func dial(ctx context.Context, addr string) (*connection, error) {
	conn, err := (&net.Dialer{Timeout: rig.Patience}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// requestBytes is a GET request on the wire.
func requestBytes(path string, header http.Header) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, siteName)
	_ = header.Write(&b) // a Builder does not fail
	b.WriteString("\r\n")
	return []byte(b.String())
}

func (c *connection) send(request []byte) error {
	if err := c.SetDeadline(time.Now().Add(rig.Patience)); err != nil {
		return err
	}
	_, err := c.Write(request)
	return err
}

// exchange sends a request and reads all of a response of size bytes, which
// must have been committed early or not.
func (c *connection) exchange(request []byte, size int, committed bool) error {
	if err := c.send(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("reading the header: %w", err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("the status is %d", resp.StatusCode)
	case int(n) != size:
		return fmt.Errorf("the page has %d bytes, not %d", n, size)
	case isCommitted(resp.Header) != committed:
		if committed {
			return errors.New("the response was not committed early")
		}
		return errors.New("the response was committed early")
	}
	return nil
}
