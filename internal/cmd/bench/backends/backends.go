// Package backends starts the sites of the examples as slow backends, for what is
// measured in a browser. No Caddy is in front of them.
package backends

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/headstart-proxy/headstart/examples/aggregator/feeds"
	"github.com/headstart-proxy/headstart/examples/aggregator/site"
	"github.com/headstart-proxy/headstart/examples/django"
)

// headerTimeout ends connections that send no request.
const headerTimeout = 10 * time.Second

// ErrMissing is wrapped by the error of [Django] if Django or gunicorn is not
// installed; the error says how to get them.
var ErrMissing = django.ErrMissing

// A Backend is a running site. It listens on loopback, on plain http.
type Backend struct {
	// Addr is where it listens, as host and port.
	Addr string
	// Page is the URL path of a slow page.
	Page string
	// Split is the URL path of the same page, cut by hand: the application sends the
	// head and the masthead before its data is there.
	Split string

	close func() error
}

// Close ends the backend, and all that belongs to it. Pages under way are cut off.
func (b *Backend) Close() error { return b.close() }

// Aggregator starts the feed aggregator. A page takes as long as delay, for it reads all
// its feeds; at least 0.
func Aggregator(delay time.Duration) (*Backend, error) {
	return aggregator(feeds.Options{Delay: delay})
}

// HeldAggregator is Aggregator with feeds that are sent when wait returns, such as a
// gate. It gets the request's context and the feed's share of the delay, which has not
// passed yet; with an error the feed is not sent.
func HeldAggregator(delay time.Duration, wait func(context.Context, time.Duration) error) (*Backend, error) {
	return aggregator(feeds.Options{Delay: delay, Wait: wait})
}

func aggregator(o feeds.Options) (*Backend, error) {
	if o.Delay < 0 {
		return nil, fmt.Errorf("aggregator: the delay must be 0 or more, not %v", o.Delay)
	}
	feedServer, err := feeds.New(o)
	if err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	source, err := serve(feedServer)
	if err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	var urls []string
	for _, path := range feeds.Paths() {
		urls = append(urls, "http://"+source.addr+path)
	}
	handler, err := site.New(site.Options{Feeds: urls})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("aggregator: %w", err), source.close())
	}
	front, err := serve(handler)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("aggregator: %w", err), source.close())
	}
	return &Backend{Addr: front.addr, Page: "/", Split: site.SplitPath, close: func() error {
		return errors.Join(front.close(), source.close())
	}}, nil
}

// Django starts the Django example on gunicorn. A page takes as long as delay, in its
// database; at least 0. ctx bounds the start.
func Django(ctx context.Context, delay time.Duration) (*Backend, error) {
	s, err := django.Start(ctx, delay)
	if err != nil {
		return nil, err
	}
	return &Backend{Addr: s.Addr, Page: "/", Split: django.StreamedPath, close: s.Close}, nil
}

// server is a running http server.
type server struct {
	*http.Server
	addr  string
	ended chan error
}

func serve(handler http.Handler) (*server, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s := &server{
		Server: &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout},
		addr:   l.Addr().String(),
		ended:  make(chan error, 1),
	}
	go func() { s.ended <- s.Serve(l) }()
	return s, nil
}

// close cuts off what is under way, and returns when no more is accepted.
func (s *server) close() error {
	err := s.Close()
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	s.ended <- http.ErrServerClosed // for the next call
	return err
}
