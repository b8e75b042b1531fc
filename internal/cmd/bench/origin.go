package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// Paths of the origin. All serve the same page.
const (
	pathFast    = "/fast"    // at once
	pathChunked = "/chunked" // at once, without a Content-Length
	pathSlow    = "/slow"    // after the delay
	pathHeld    = "/held"    // at once, or when release is called after hold
	pathCookie  = "/cookie"  // at once, with a Set-Cookie: never committed
)

// An origin is the backend. It sends the page in one piece, with a
// Content-Length unless the path says otherwise, as frameworks do that render a
// page in full.
type origin struct {
	server *http.Server
	addr   string
	page   []byte
	delay  time.Duration

	mu   sync.Mutex
	gate chan struct{} // closed while nothing is held; mu protects the field
}

// startOrigin starts an origin on a free port of the loopback interface.
func startOrigin(delay time.Duration) (*origin, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	o := &origin{addr: listener.Addr().String(), page: makePage(), delay: delay, gate: make(chan struct{})}
	close(o.gate)
	o.server = &http.Server{Handler: o, ReadHeaderTimeout: rig.Patience}
	go func() { _ = o.server.Serve(listener) }() // until close
	return o, nil
}

func (o *origin) close() { _ = o.server.Close() }

// hold makes requests to pathHeld wait for release.
func (o *origin) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gate = make(chan struct{})
}

// release lets go of what hold has stopped.
func (o *origin) release() { close(o.held()) }

func (o *origin) held() chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gate
}

// ServeHTTP serves the page.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	switch r.URL.Path {
	case pathFast, pathChunked:
	case pathSlow:
		if !rig.Sleep(r.Context(), o.delay) {
			return
		}
	case pathHeld:
		select {
		case <-o.held():
		case <-r.Context().Done():
			return
		}
	case pathCookie:
		h.Set("Set-Cookie", "session=1; Path=/; HttpOnly")
	default:
		http.NotFound(w, r)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if r.URL.Path != pathChunked {
		h.Set("Content-Length", strconv.Itoa(len(o.page)))
	}
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	_, _ = w.Write(o.page) // a client that has left is no business of the origin
}
