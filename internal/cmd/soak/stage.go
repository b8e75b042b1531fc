package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// globals let requests of an old configuration go on for longer than any takes.
const globals = `grace_period 1m
	metrics
	log {
		output stderr
		format json
		level WARN
	}
	servers {
		trusted_proxies static 127.0.0.1/32
	}`

const site = `http://%[1]s:%[2]s, https://%[1]s:%[3]s {
	log {
		output stderr
		format json
	}
	%[4]s
	headstart {
		ignore_query utm_*
	}
	reverse_proxy %[5]s {
		transport http {
			keepalive 2s
		}
	}
	%[6]s
}
`

// monitor is a site of its own. Its answer is all that two configurations differ in.
const monitor = `http://127.0.0.1:%s {
	metrics /metrics
	respond /generation "%d"
}
`

// around is what stands in front of Headstart, by host.
var around = map[string]string{
	hostCoded:  "encode gzip",
	hostStrict: "encode gzip",
}

// behind is what else a site has.
var behind = map[string]string{
	hostCoded: "handle_errors {\n\t\theader Content-Type text/html\n\t\trespond `<!doctype html><html><head><title>Down</title></head><body>Down.</body></html>`\n\t}",
}

// A stage is all that is driven: the origin, and Caddy in front of it.
type stage struct {
	caddy               *rig.Child
	dir                 string
	upstream            string
	httpPort, httpsPort string
	monitorPort         string

	mu         sync.Mutex // protects transports
	transports map[string][]wire
	turn       int
}

// A wire is what browsers share: a transport to one host by one protocol.
type wire struct {
	http.RoundTripper
	close func()
}

// wires is how many transports there are to a host by one protocol. HTTP/2 and
// HTTP/3 have one connection each, on which visitors meet.
const wires = 3

// setUp starts Caddy. The caller must tearDown the stage, also after an error.
func setUp(ctx context.Context, upstream string, log io.Writer) (*stage, error) {
	s := &stage{upstream: upstream, transports: make(map[string][]wire)}
	var err error
	if s.dir, err = os.MkdirTemp("", "headstart-soak"); err != nil {
		return s, fmt.Errorf("making a folder for certificates: %w", err)
	}
	if s.caddy, err = rig.StartChild(ctx, log); err != nil {
		return s, err
	}
	err = rig.OnFreePorts(func() (err error) {
		for _, port := range []*string{&s.httpPort, &s.httpsPort, &s.monitorPort} {
			if *port, err = rig.FreePort(); err != nil {
				return err
			}
		}
		return nil
	}, func() error { return s.configure(0) })
	if err != nil {
		return s, err
	}
	for _, host := range hosts {
		if err := rig.AwaitCertificate(ctx, host, "127.0.0.1:"+s.httpsPort); err != nil {
			return s, err
		}
	}
	return s, nil
}

// tearDown ends what setUp has started.
func (s *stage) tearDown() {
	s.hangUp()
	if s.caddy != nil {
		s.caddy.Close()
	}
	_ = os.RemoveAll(s.dir) // "" if it was not made: nothing to remove
}

// configure loads the configuration. Two generations differ in nothing that
// matters.
func (s *stage) configure(generation int) error {
	var text strings.Builder
	text.WriteString(rig.Globals(s.dir, globals))
	fmt.Fprintf(&text, monitor, s.monitorPort, generation%2)
	for _, host := range hosts {
		fmt.Fprintf(&text, site, host, s.httpPort, s.httpsPort, around[host], s.upstream, behind[host])
	}
	_, err := s.caddy.Ask(rig.Order{Caddyfile: text.String()})
	return err
}

// url is where a request goes; its host is in authority.
func (s *stage) url(q *request) string {
	u := "https://127.0.0.1:" + s.httpsPort + q.path
	if q.way == rig.H1 {
		u = "http://127.0.0.1:" + s.httpPort + q.path
	}
	if q.query != "" {
		u += "?" + q.query
	}
	return u
}

// authority is the Host of a request.
func (s *stage) authority(q *request) string {
	if q.way == rig.H1 {
		return q.host + ":" + s.httpPort
	}
	return q.host + ":" + s.httpsPort
}

// transport returns one of the transports to the host of a request.
func (s *stage) transport(q *request) http.RoundTripper {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := q.way + " " + q.host
	if s.transports[name] == nil {
		protocol := q.way
		if protocol == overTLS {
			protocol = rig.H1
		}
		for range wires {
			t, closeIdle := rig.NewTransport(protocol, q.host)
			s.transports[name] = append(s.transports[name], wire{t, closeIdle})
		}
	}
	s.turn++
	return s.transports[name][s.turn%wires]
}

// hangUp closes all connections. There must be no visit.
func (s *stage) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.transports {
		for _, w := range all {
			w.close()
		}
	}
	s.transports = make(map[string][]wire)
}

// openings returns how many pages Headstart holds, and the bytes that they take.
func (s *stage) openings(ctx context.Context) (pages, bytes float64, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+s.monitorPort+"/metrics", nil)
	if err != nil {
		return 0, 0, err
	}
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	for range 3 { // it may have come in the middle of a reload
		if err == nil || ctx.Err() != nil {
			break
		}
		resp, err = http.DefaultClient.Do(r)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("reading metrics: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, 0, fmt.Errorf("reading metrics: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "caddy_headstart_openings %g", &pages) // other lines do not match
		_, _ = fmt.Sscanf(line, "caddy_headstart_opening_bytes %g", &bytes)
	}
	return pages, bytes, nil
}
