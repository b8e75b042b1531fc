// Package stage is what the parts of the bench measure on: a backend in this process,
// and a Caddy with several sites in another, so that its CPU time can be told from
// that of the clients and the backend.
package stage

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// Host is the host of every site. Sites differ by port.
const Host = "bench.test"

// Plain is the text of a site that is nothing but the reverse_proxy.
const Plain = "import proxy"

// Config says what a stage is made of.
type Config struct {
	// Backend answers for all sites.
	Backend http.Handler
	// Proxy are options of the reverse_proxy of all sites, if any.
	Proxy string
	// Sites are those of Caddy.
	Sites []Site
}

// A Site is one of Caddy, reachable by http and https.
type Site struct {
	// Name is how the parts call it.
	Name string
	// Text are its directives. "import proxy" is its reverse_proxy.
	Text string
}

// Headstart returns the text of a site with the directive, with options one a line.
// Headstart would leave a backend alone that is as fast as ours.
func Headstart(options ...string) string {
	return "headstart {\n\t\tmin_wait 0\n\t\t" + strings.Join(options, "\n\t\t") + "\n\t}\n\t" + Plain
}

const proxy = `
(proxy) {
	reverse_proxy %s {
		%s
	}
}
`

const siteText = `
http://:%s, https://` + Host + `:%s {
	%s
}
`

// A Stage is all that is measured, ready. Its methods are for one goroutine, those of
// addresses for any.
type Stage struct {
	config  Config
	server  *http.Server
	backend string // its address
	caddy   *rig.Child
	dir     string
	ports   map[string][2]string // by site: of http and https

	mu   sync.Mutex
	gate chan struct{} // closed while nothing is held; mu protects the field
}

// Start starts a backend and a Caddy. The caller closes the stage.
func Start(ctx context.Context, config Config) (*Stage, error) {
	s := &Stage{config: config, ports: make(map[string][2]string), gate: make(chan struct{})}
	close(s.gate)
	if err := s.start(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stage) start(ctx context.Context) error {
	var err error
	if s.dir, err = os.MkdirTemp("", "headstart-bench"); err != nil {
		return fmt.Errorf("making a folder for certificates: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("starting the backend: %w", err)
	}
	s.backend = listener.Addr().String()
	s.server = &http.Server{Handler: http.HandlerFunc(s.serveHTTP), ReadHeaderTimeout: rig.Patience}
	go func() { _ = s.server.Serve(listener) }() // until Close
	if s.caddy, err = rig.StartChild(ctx, nil); err != nil {
		return err
	}
	return s.Configure(ctx, s.config.Sites...)
}

// Close ends what Start has started.
func (s *Stage) Close() {
	if s.caddy != nil {
		s.caddy.Close()
	}
	if s.server != nil {
		_ = s.server.Close()
	}
	_ = os.RemoveAll(s.dir) // "" if it was not made: nothing to remove
}

// Configure replaces the sites of Caddy. Those of the same name keep their ports.
func (s *Stage) Configure(ctx context.Context, sites ...Site) error {
	s.config.Sites = sites
	var added []string
	err := rig.OnFreePorts(func() (err error) {
		for _, name := range added {
			delete(s.ports, name)
		}
		added, err = s.addPorts()
		return err
	}, func() error {
		_, err := s.caddy.Ask(rig.Order{Caddyfile: s.caddyfile()})
		return err
	})
	if err != nil {
		return err
	}
	for _, site := range sites {
		if err := rig.AwaitCertificate(ctx, Host, "127.0.0.1:"+s.ports[site.Name][1]); err != nil {
			return err
		}
	}
	return nil
}

// addPorts finds ports for sites that have none, and returns their names.
func (s *Stage) addPorts() ([]string, error) {
	var added []string
	for _, site := range s.config.Sites {
		if _, ok := s.ports[site.Name]; ok {
			continue
		}
		var ports [2]string
		for i := range ports {
			port, err := rig.FreePort()
			if err != nil {
				return nil, err
			}
			ports[i] = port
		}
		s.ports[site.Name] = ports
		added = append(added, site.Name)
	}
	return added, nil
}

func (s *Stage) caddyfile() string {
	var text strings.Builder
	text.WriteString(rig.QuietGlobals(s.dir))
	fmt.Fprintf(&text, proxy, s.backend, s.config.Proxy)
	for _, site := range s.config.Sites {
		ports := s.ports[site.Name]
		fmt.Fprintf(&text, siteText, ports[0], ports[1], site.Text)
	}
	return text.String()
}

// CPU returns the CPU time that Caddy has used since its start; 0 if the system does
// not tell.
func (s *Stage) CPU() (time.Duration, error) {
	a, err := s.caddy.Ask(rig.Order{})
	return a.CPU, err
}

// A Caddy that has used less than calm of a look is at rest.
const (
	look = 4 * time.Millisecond
	calm = look / 8
)

// CPUAtRest waits until Caddy has nothing to do, at most for [rig.Patience], and returns
// as CPU does: the work behind an answer is a part of its cost, and none of what is
// measured next.
func (s *Stage) CPUAtRest(ctx context.Context) (time.Duration, error) {
	last, err := s.CPU()
	for end := time.Now().Add(rig.Patience); err == nil && time.Now().Before(end); {
		if !rig.Sleep(ctx, look) {
			return 0, ctx.Err()
		}
		var now time.Duration
		now, err = s.CPU()
		if now-last < calm {
			return now, err
		}
		last = now
	}
	return last, err
}

// URL returns the URL of a path at a site, for a protocol: http for HTTP/1.1, https
// for the others.
func (s *Stage) URL(protocol, site, path string) string {
	if protocol == rig.H1 {
		return "http://" + s.Addr(site) + path
	}
	return "https://127.0.0.1:" + s.ports[site][1] + path
}

// Addr returns the address of a site for plain http.
func (s *Stage) Addr(site string) string { return "127.0.0.1:" + s.ports[site][0] }

// serveHTTP lets the backend answer, unless it is held.
func (s *Stage) serveHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.held():
		s.config.Backend.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
}

// hold makes the backend wait until the function is called that it returns.
func (s *Stage) hold() (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

func (s *Stage) held() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gate
}
