package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/examples/aggregator/feeds"
	"github.com/headstart-proxy/headstart/examples/aggregator/site"
)

const (
	// headerTimeout ends connections that send no request.
	headerTimeout = 10 * time.Second

	// closeTimeout is how long pages under way may still take at the end.
	closeTimeout = 2 * time.Second
)

// config is what the flags set.
type config struct {
	port     int
	delay    time.Duration
	minWait  time.Duration
	cspNonce bool
	verbose  bool

	// wait replaces the feed server's wait; tests put a gate here.
	wait func(context.Context, time.Duration) error
}

// demo is everything that runs: the feed server, the site and both front ends.
type demo struct {
	ports   ports
	storage string         // temporary directory
	failed  chan error     // a server that ended on its own
	serving sync.WaitGroup // one for each server
	feeds   *http.Server
	site    *http.Server
	caddy   bool // whether it runs
}

// startDemo starts everything. There can be only one demo in a process, for
// there is one Caddy.
func startDemo(c config) (*demo, error) {
	reserved, err := reserve(c.port)
	if err != nil {
		return nil, err
	}
	defer reserved.close() // what no server has taken over
	d := &demo{ports: reserved.ports, failed: make(chan error, 2)}
	if err := d.start(c, reserved); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *demo) start(c config, reserved *reservation) error {
	var err error
	if d.storage, err = os.MkdirTemp("", "headstart-demo-"); err != nil {
		return fmt.Errorf("making a directory for certificates: %w", err)
	}
	feedServer, err := feeds.New(feeds.Options{Delay: c.delay, Wait: c.wait})
	if err != nil {
		return err
	}
	slowSite, err := site.New(site.Options{Feeds: feedURLs(d.ports.Feeds), CSPNonce: c.cspNonce})
	if err != nil {
		return err
	}
	d.feeds = d.serve("feed server", reserved.feeds, feedServer)
	d.site = d.serve("site", reserved.site, slowSite)
	reserved.feeds, reserved.site = nil, nil

	reserved.release()
	if err := (frontEnds{Ports: d.ports, Storage: d.storage, MinWait: c.minWait}).start(); err != nil {
		return err
	}
	d.caddy = true
	return nil
}

// serve runs handler on l until the demo is closed.
func (d *demo) serve(name string, l net.Listener, handler http.Handler) *http.Server {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	d.serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.failed <- fmt.Errorf("the %s has ended: %w", name, err)
		}
	})
	return server
}

// close ends everything, from the front to the back, and removes the
// certificates. Caddy takes no more requests, but does not wait for those under
// way; the site behind it does, for closeTimeout, and then cuts them off.
func (d *demo) close() error {
	var errs []error
	if d.caddy {
		if err := caddy.Stop(); err != nil {
			errs = append(errs, fmt.Errorf("stopping Caddy: %w", err))
		}
	}
	if d.site != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if d.site.Shutdown(ctx) != nil {
			_ = d.site.Close()
		}
	}
	if d.feeds != nil {
		_ = d.feeds.Close()
	}
	d.serving.Wait()
	accessLog.connect(nil)
	if d.storage != "" {
		if err := os.RemoveAll(d.storage); err != nil { //nolint:gosec // made by os.MkdirTemp
			errs = append(errs, fmt.Errorf("removing the certificates: %w", err))
		}
	}
	return errors.Join(errs...)
}

// feedURLs lists the feeds on the feed server at port.
func feedURLs(port int) []string {
	paths := feeds.Paths()
	urls := make([]string, len(paths))
	for i, path := range paths {
		urls[i] = "http://" + address(port) + path
	}
	return urls
}
