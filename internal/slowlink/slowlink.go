package slowlink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// A Link says how slow a link is. The zero value slows nothing down.
type Link struct {
	// RTT is the round trip time; each direction delays by half of it. At least 0.
	RTT time.Duration
	// BitsPerSecond is the rate of each direction, of payload. 0 means no limit.
	BitsPerSecond int64
}

// A Proxy is a running proxy. Its methods may be called from any goroutine.
type Proxy struct {
	target   string
	listener *net.TCPListener
	up, down lane // to the target, and back
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Start starts a proxy on a loopback port, which leads to target, a host and a port.
// A target that does not answer resets the connections to the proxy.
func Start(target string, link Link) (*Proxy, error) {
	if link.RTT < 0 || link.BitsPerSecond < 0 {
		return nil, fmt.Errorf("slow link: round trip %v and %d bits per second must be 0 or more", link.RTT, link.BitsPerSecond)
	}
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("slow link: listening: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Proxy{
		target:   target,
		listener: listener,
		up:       lane{delay: link.RTT / 2, bitsPerSecond: link.BitsPerSecond},
		down:     lane{delay: link.RTT / 2, bitsPerSecond: link.BitsPerSecond},
		stop:     stop,
	}
	p.running.Go(func() { p.accept(ctx) })
	return p, nil
}

// Addr returns where the proxy listens, as host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close resets all connections, and returns when nothing of the proxy runs any more.
// It may be called again.
func (p *Proxy) Close() {
	p.stop()
	p.listener.Close()
	p.running.Wait()
}

// accept serves connections until the listener is closed. If it fails otherwise, it
// closes the listener, so that clients are refused and do not hang.
func (p *Proxy) accept(ctx context.Context) {
	defer p.listener.Close()
	for {
		client, err := p.listener.AcceptTCP()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(ctx, client) })
	}
}

// serve carries one connection until both directions have ended, one is broken, or
// ctx ends.
func (p *Proxy) serve(ctx context.Context, client *net.TCPConn) {
	var dialer net.Dialer
	dialed, err := dialer.DialContext(ctx, "tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	server := dialed.(*net.TCPConn) // "tcp" makes no other

	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	var workers sync.WaitGroup
	carry := func(l *lane, dst, src *net.TCPConn) {
		queue := l.queue()
		workers.Go(func() { l.take(ctx, src, queue) })
		workers.Go(func() {
			err := deliver(ctx, dst, queue)
			if errors.Is(err, io.EOF) {
				err = dst.CloseWrite()
			}
			ended <- err
		})
	}
	carry(&p.up, server, client)
	carry(&p.down, client, server)
	for left := 2; left > 0 && err == nil; left-- {
		select {
		case err = <-ended:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	cancel()
	if err != nil {
		reset(client)
		reset(server)
	}
	client.Close()
	server.Close()
	workers.Wait()
}

// reset closes a connection so that its peer reads an error, not an end.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // it fails only if the connection is closed already
	conn.Close()
}
