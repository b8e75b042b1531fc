package load

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// patience bounds an exchange. With many connections, each waits for its share of a
// machine that may have other work.
const patience = time.Minute

// A connection speaks HTTP/1.1 with as little work as can be: it shares the machine
// with what it measures.
type connection struct {
	net.Conn
	reader  *bufio.Reader
	decoder *gzip.Reader // nil until something was compressed
}

// dial connects to a site by plain http.
func dial(ctx context.Context, addr string) (*connection, error) {
	conn, err := (&net.Dialer{Timeout: rig.Patience}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to Caddy: %w", err)
	}
	return newConnection(conn), nil
}

func newConnection(conn net.Conn) *connection {
	return &connection{Conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)}
}

// requestBytes is a GET request on the wire.
func requestBytes(path string, header http.Header) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, stage.Host)
	_ = header.Write(&b) // a Builder does not fail
	b.WriteString("\r\n")
	return []byte(b.String())
}

// expected is what every answer is checked for.
type expected struct {
	answer
	gzip bool
	size int // bytes, decoded
}

// exchange sends a request and reads all of the answer. It is an error if that is not
// as expected.
func (c *connection) exchange(request []byte, want expected) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("sending the request: %w", err)
	}
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("sending the request: %w", err)
	}
	hinted := false
	for {
		resp, err := http.ReadResponse(c.reader, nil)
		if err != nil {
			return fmt.Errorf("reading the header: %w", err)
		}
		if resp.StatusCode == http.StatusEarlyHints {
			hinted = true
			continue
		}
		size, err := c.read(resp)
		if err != nil {
			return fmt.Errorf("reading the page: %w", err)
		}
		return want.check(resp, size, hinted)
	}
}

// read reads a body and returns how many bytes it has when decoded.
func (c *connection) read(resp *http.Response) (int, error) {
	defer resp.Body.Close()
	if resp.Header.Get("Content-Encoding") != "gzip" {
		n, err := io.Copy(io.Discard, resp.Body)
		return int(n), err
	}
	var err error
	if c.decoder == nil {
		c.decoder, err = gzip.NewReader(resp.Body)
	} else {
		err = c.decoder.Reset(resp.Body)
	}
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, c.decoder)
	if err != nil {
		return int(n), err
	}
	_, err = io.Copy(io.Discard, resp.Body) // the end of the chunks
	return int(n), err
}

func (want expected) check(resp *http.Response, size int, hinted bool) error {
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("the status is %d", resp.StatusCode)
	case size != want.size:
		return fmt.Errorf("the page has %d bytes, not %d", size, want.size)
	case (resp.Header.Get("Content-Encoding") == "gzip") != want.gzip:
		return fmt.Errorf("the page is encoded as %q", resp.Header.Get("Content-Encoding"))
	case stage.IsCommitted(resp.Header) && !want.committed:
		return errors.New("the response was committed early")
	case !stage.IsCommitted(resp.Header) && want.committed:
		return errors.New("the response was not committed early")
	case hinted && !want.hinted:
		return errors.New("there was a 103 response")
	case !hinted && want.hinted:
		return errors.New("there was no 103 response")
	}
	return nil
}
