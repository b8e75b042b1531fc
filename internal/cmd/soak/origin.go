package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// How often something goes wrong, one in so many requests: in fair weather, and in
// a bad spell.
const (
	fairOdds = 300
	foulOdds = 4
)

// An origin is the backend. It keeps what it answered, by the id of the request,
// until somebody has looked at it.
type origin struct {
	server *http.Server
	addr   string
	seed   uint64

	deploy atomic.Int64
	foul   atomic.Bool // in a bad spell
	served atomic.Int64

	mu       sync.Mutex // protects all below
	listener net.Listener
	answers  map[uint64]*answer
	downs    []span
}

// A span is a time during which the origin refused connections; until is zero as
// long as it lasts.
type span struct{ from, until time.Time }

func startOrigin(seed uint64) (*origin, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	o := &origin{addr: listener.Addr().String(), seed: seed, listener: listener, answers: make(map[uint64]*answer)}
	// Connections are kept for longer than Caddy keeps them (see keepalive in
	// stage.go): a request that meets a closed one is not repeated if it is a POST.
	o.server = &http.Server{Handler: o, ReadHeaderTimeout: rig.Patience, IdleTimeout: 4 * time.Second}
	go func() { _ = o.server.Serve(listener) }() // until close or goDown
	return o, nil
}

func (o *origin) close() { _ = o.server.Close() }

// goDown refuses connections until goUp.
func (o *origin) goDown() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.downs = append(o.downs, span{from: time.Now()})
	o.listener.Close()
	o.server.SetKeepAlivesEnabled(false) // closes those that are idle
}

// goUp ends goDown. It does nothing if the origin is up.
func (o *origin) goUp() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.downs) == 0 || !o.downs[len(o.downs)-1].until.IsZero() {
		return nil
	}
	var err error
	if o.listener, err = net.Listen("tcp", o.addr); err != nil {
		return fmt.Errorf("starting the origin again: %w", err)
	}
	o.server.SetKeepAlivesEnabled(true)
	go func(l net.Listener) { _ = o.server.Serve(l) }(o.listener)
	o.downs[len(o.downs)-1].until = time.Now()
	return nil
}

// wasDown reports whether the origin refused connections some time between two
// points in time.
func (o *origin) wasDown(from, until time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.downs {
		if d.from.Before(until) && (d.until.IsZero() || d.until.After(from)) {
			return true
		}
	}
	return false
}

// answerTo returns what was answered to a request, nil if it never came.
func (o *origin) answerTo(id uint64) *answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answers[id]
}

func (o *origin) forget(id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.answers, id)
}

// ServeHTTP answers a visitor.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.served.Add(1)
	id, ok := idOf(r.Header.Get("X-Forwarded-For"))
	if !ok {
		http.Error(w, "no visitor of ours", http.StatusBadRequest)
		return
	}
	host, _, _ := strings.Cut(r.Host, ":")
	number, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/p/"))
	if err != nil || number < 0 || number >= pagesPerHost {
		http.NotFound(w, r)
		return
	}
	v := view{traits: traitsOf(number), host: host, deploy: int(o.deploy.Load()), user: userOf(r), lang: "en", random: randomOf(o.seed, id)}
	if v.user != 0 {
		v.mark = fmt.Sprintf("%s%d-%x", privateMark, v.user, id)
	}
	odds := fairOdds
	if o.foul.Load() {
		odds = foulOdds
	}
	a := newAnswer(r, v, v.random.IntN(odds) == 0)
	o.mu.Lock()
	o.answers[id] = a
	o.mu.Unlock()
	if rig.Sleep(r.Context(), v.delay) {
		a.write(r.Context(), w, v.traits, host == hostZipped && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"))
	}
}

// write sends the answer, as the page's traits say.
func (a *answer) write(ctx context.Context, w http.ResponseWriter, t traits, zip bool) {
	if a.silent {
		panic(http.ErrAbortHandler)
	}
	if t.hints {
		w.Header()["Link"] = a.header["Link"]
		w.WriteHeader(http.StatusEarlyHints)
	}
	for name, values := range a.header {
		w.Header()[name] = slices.Clone(values)
	}
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	control := http.NewResponseController(w)
	pieces := [][]byte{a.body[:len(a.body)/3], a.body[len(a.body)/3:]}
	if zip {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Add("Vary", "Accept-Encoding")
	} else if !t.chunked {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	out, flush, end := w.Write, control.Flush, func() error { return nil }
	if zip {
		z := gzip.NewWriter(w)
		out, flush = z.Write, func() error { return errors.Join(z.Flush(), control.Flush()) }
		end = z.Close
	}
	if _, err := out(pieces[0]); err != nil {
		return
	}
	if a.cut {
		_ = flush()
		panic(http.ErrAbortHandler)
	}
	if t.slowBody {
		_ = flush()
		rig.Sleep(ctx, 20*time.Millisecond)
	}
	_, _ = out(pieces[1]) // a client that has left is no business of the origin
	_ = end()
}
