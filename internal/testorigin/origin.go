package testorigin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// StepTimeout bounds every step of a script, and Close: 20 s, for Stream and
// what reads a request body 20 s without progress. A request whose step takes
// longer is aborted.
const StepTimeout = 20 * time.Second

var (
	errClosed  = errors.New("the origin was closed")
	errTimeout = errors.New("the step took too long")
)

// An Origin is a running backend. Its methods may be called from any goroutine.
type Origin struct {
	server  *http.Server
	addr    string
	timeout time.Duration

	// closed is done when Close was called.
	closed context.Context
	stop   context.CancelCauseFunc
	served chan struct{} // closed when the server has stopped accepting

	mu       sync.Mutex // protects what follows, and every record in requests
	scripts  map[string][]Step
	requests []*Request
	running  int
	idle     chan struct{} // closed while running == 0
}

// Start starts an origin on a free port of 127.0.0.1. The caller must Close it.
func Start() (*Origin, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	o := &Origin{
		addr:    listener.Addr().String(),
		timeout: StepTimeout,
		served:  make(chan struct{}),
		scripts: make(map[string][]Step),
		idle:    make(chan struct{}),
	}
	close(o.idle)
	o.closed, o.stop = context.WithCancelCause(context.Background())
	o.server = &http.Server{
		Handler:           http.HandlerFunc(o.serve),
		ReadHeaderTimeout: StepTimeout,
		// Broken answers are what this server is for.
		ErrorLog: log.New(io.Discard, "", 0),
		// OPTIONS * is a request like any other here.
		DisableGeneralOptionsHandler: true,
	}
	go func() {
		defer close(o.served)
		_ = o.server.Serve(listener) // ends with ErrServerClosed
	}()
	return o, nil
}

// Addr is the address that the origin listens on, such as 127.0.0.1:41234.
// After Close, connections to it are refused.
func (o *Origin) Addr() string { return o.addr }

// URL is the http URL of a path at the origin.
func (o *Origin) URL(path string) string { return "http://" + o.addr + path }

// Handle sets the script for a path, without its query; the path "*" stands for
// all that have no script of their own. It replaces an earlier script for the
// requests that come after it. A script ends in a clean end of the response,
// unless a step ends it otherwise; without any step it answers with an empty
// 200. Without a script the answer is 404.
func (o *Origin) Handle(path string, steps ...Step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.scripts[path] = steps
}

// Requests returns what the origin has seen since the last call of Drain, in
// order of arrival.
func (o *Origin) Requests() []Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.snapshotLocked()
}

// Drain waits until no request is under way, then returns what Requests
// returns and forgets it. It fails when ctx ends first.
func (o *Origin) Drain(ctx context.Context) ([]Request, error) {
	for {
		o.mu.Lock()
		idle := o.idle
		if o.running == 0 {
			seen := o.snapshotLocked()
			o.requests = nil
			o.mu.Unlock()
			return seen, nil
		}
		o.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return nil, fmt.Errorf("draining the origin: %w", context.Cause(ctx))
		}
	}
}

func (o *Origin) snapshotLocked() []Request {
	seen := make([]Request, 0, len(o.requests))
	for _, r := range o.requests {
		seen = append(seen, r.clone())
	}
	return seen
}

// Close refuses new connections, breaks those that exist, ends every waiting
// step and waits for all of it. It fails if a step does not end in
// [StepTimeout]; it may be called again.
func (o *Origin) Close() error {
	o.stop(errClosed)
	err := o.server.Close()
	<-o.served

	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	o.mu.Lock()
	idle := o.idle
	o.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		err = errors.Join(err, errors.New("a step is still running"))
	}
	if err != nil {
		return fmt.Errorf("closing the origin: %w", err)
	}
	return nil
}

// serve records a request and runs its script.
func (o *Origin) serve(w http.ResponseWriter, r *http.Request) {
	record := newRequest(r)
	steps := o.begin(record, r.URL.Path)
	// A copy, for net/http looks at the body of its own request when it decides
	// whether the connection can be used again.
	copied := *r
	recorded := &body{ReadCloser: r.Body, origin: o, record: record}
	copied.Body = recorded

	x := &exchange{origin: o, w: w, rc: http.NewResponseController(w), r: &copied, body: recorded}
	recorded.moved = x.extend
	err := x.run(steps)

	o.mu.Lock()
	defer o.mu.Unlock()
	record.Err = err
	record.Trailer = r.Trailer.Clone()
	record.Done = true
	o.running--
	if o.running == 0 {
		close(o.idle)
	}
}

// begin registers a request and returns its script.
func (o *Origin) begin(record *Request, path string) []Step {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests = append(o.requests, record)
	if o.running == 0 {
		o.idle = make(chan struct{})
	}
	o.running++
	for _, p := range []string{path, "*"} {
		if steps, ok := o.scripts[p]; ok {
			return steps
		}
	}
	return []Step{
		Header(http.StatusNotFound, "Content-Type", "text/plain; charset=utf-8"),
		Write("testorigin: no script for " + path + "\n"),
	}
}
