package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// portCount is how many ports the demo takes, from the base port on.
const portCount = 6

// ports are the loopback ports of the demo.
type ports struct {
	Feeds          int
	Site           int
	PlainHTTP      int
	PlainHTTPS     int
	HeadstartHTTP  int
	HeadstartHTTPS int
}

// reservation holds on to ports until their servers take them over. Caddy opens
// its ports itself, and so that others can take them, too: two demos would
// share them without a word.
type reservation struct {
	ports ports
	feeds net.Listener // for the feed server to use
	site  net.Listener // for the site to use
	caddy []interface{ Close() error }
}

// reserve takes portCount ports from base on; if base is 0, any that are free.
func reserve(base int) (*reservation, error) {
	r := new(reservation)
	next := func() int {
		if base == 0 {
			return 0
		}
		base++
		return base - 1
	}
	var err error
	if r.feeds, r.ports.Feeds, err = listen(next()); err != nil {
		return nil, err
	}
	if r.site, r.ports.Site, err = listen(next()); err != nil {
		r.close()
		return nil, err
	}
	for _, port := range []*int{
		&r.ports.PlainHTTP, &r.ports.PlainHTTPS, &r.ports.HeadstartHTTP, &r.ports.HeadstartHTTPS,
	} {
		tcp, number, err := listen(next())
		if err != nil {
			r.close()
			return nil, err
		}
		r.caddy = append(r.caddy, tcp)
		udp, err := net.ListenPacket("udp", address(number)) // HTTP/3
		if err != nil {
			r.close()
			return nil, busy(number, err)
		}
		r.caddy = append(r.caddy, udp)
		*port = number
	}
	return r, nil
}

// release lets go of Caddy's ports, for Caddy to take them.
func (r *reservation) release() {
	for _, c := range r.caddy {
		_ = c.Close()
	}
	r.caddy = nil
}

// close lets go of all ports.
func (r *reservation) close() {
	r.release()
	for _, l := range []net.Listener{r.feeds, r.site} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// listen opens a TCP port; 0 is any free one.
func listen(port int) (net.Listener, int, error) {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return nil, 0, busy(port, err)
	}
	return l, l.Addr().(*net.TCPAddr).Port, nil
}

// busy makes an error that tells what to do about it.
func busy(port int, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is in use; choose %d others with -port (0 takes any that are free): %w", port, portCount, err)
	}
	return fmt.Errorf("opening port %d: %w", port, err)
}

func address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
