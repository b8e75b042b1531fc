package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
)

// A loaded page is what a visitor got for a request.
type loaded struct {
	from, until time.Time
	firstByte   time.Duration // until the first byte of the body; 0 if there was none
	status      int           // 0 if there was no header
	header      http.Header
	body        []byte // decoded
	err         error  // why the response is not complete; nil if it is
	left        bool   // by the visitor's own wish
	leads       *leading
}

// leading is where a recovery script leads.
type leading struct {
	cookie string // name=value of the marker; "" if it sets none
	url    string // "" to load the page again
}

// longest bounds one response.
const longest = 30 * time.Second

// load makes a request and reads the response in the visitor's manner, up to a
// recovery script that leads away, if there is one.
func (s *soak) load(ctx context.Context, q *request) *loaded {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	l := &loaded{from: time.Now()}
	defer func() { l.until = time.Now() }()

	r, err := http.NewRequestWithContext(ctx, q.method, s.stage.url(q), requestBody(q))
	if err != nil {
		l.err = err
		return l
	}
	r.Host = s.stage.authority(q)
	r.Header = q.header.Clone()
	r.Header.Set("X-Forwarded-For", q.forwardedFor())
	if q.method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if q.manner == "leaves before the early bytes" {
		l.left = true
		timer := time.AfterFunc(time.Duration(q.random.IntN(30_000))*time.Microsecond, cancel)
		defer timer.Stop()
	}
	resp, err := s.stage.transport(q).RoundTrip(r)
	if err != nil {
		l.err = err
		return l
	}
	defer resp.Body.Close()
	l.status, l.header = resp.StatusCode, resp.Header
	l.err = l.read(ctx, q, resp)
	return l
}

func requestBody(q *request) io.Reader {
	if q.method == http.MethodPost {
		return strings.NewReader("comment=soak")
	}
	return nil
}

// errLeft is the end of a body that nobody wanted to its end.
var errLeft = errors.New("the visitor left")

// read reads a body.
func (l *loaded) read(ctx context.Context, q *request, resp *http.Response) error {
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" && q.method != http.MethodHead {
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			return fmt.Errorf("decoding: %w", noEOF(err))
		}
		body = z
	}
	most, pieces := -1, 16<<10
	switch q.manner {
	case "leaves in the middle":
		most = 1 + q.random.IntN(3000)
	case "leaves behind":
		most = 6000 + q.random.IntN(20_000)
	case "reads slowly":
		pieces = 1 << 10
	}
	buffer := make([]byte, pieces)
	for {
		n, err := body.Read(buffer)
		if n > 0 && len(l.body) == 0 {
			l.firstByte = time.Since(l.from)
		}
		l.body = append(l.body, buffer[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case most >= 0 && len(l.body) >= most:
			l.left = true
			return errLeft
		case l.leads == nil && !q.crawler:
			if l.leads = findLeading(l.body); l.leads != nil && q.manner != "stays" {
				return errLeft
			}
		}
		if q.manner == "reads slowly" {
			rig.Sleep(ctx, 2*time.Millisecond)
		}
	}
}

// noEOF makes sure that a body without an end is not taken for one that has ended.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// findLeading returns where a recovery script in a page leads, nil if there is no
// whole one yet, or if all of them repair the page.
func findLeading(page []byte) *leading {
	for {
		_, rest, found := bytes.Cut(page, []byte(recovery.Prefix))
		if !found {
			return nil
		}
		script, rest, found := bytes.Cut(rest, []byte("</script>"))
		if !found {
			return nil
		}
		cookie, url, leaves, err := domtest.Leaving(recovery.Prefix + string(script))
		if err == nil && leaves {
			cookie, _, _ = strings.Cut(cookie, ";")
			return &leading{cookie, url}
		}
		page = rest
	}
}
