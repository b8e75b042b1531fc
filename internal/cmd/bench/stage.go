package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

const (
	// siteName is the host of every site. Sites differ by port.
	siteName = "bench.test"
	// silence is after how long without a byte the opening is taken as sent,
	// while the backend is held.
	silence = 300 * time.Millisecond
)

// The sites of the measured Caddy.
const (
	plain     = "plain"     // reverse_proxy
	headstart = "headstart" // headstart { min_wait 0; flush head }, then reverse_proxy
	respond   = "respond"   // the bytes of the opening
)

const globals = `{
	admin off
	persist_config off
	storage file_system %q
	storage_check off
	storage_clean_interval off
	skip_install_trust
	local_certs
	auto_https disable_redirects
	default_bind 127.0.0.1
	grace_period 1s
	log {
		output discard
	}
}
`

const site = `http://:%s, https://` + siteName + `:%s {
	%s
}
`

// A stage is all that is measured, ready: the origin, and Caddy with its sites.
type stage struct {
	origin  *origin
	caddy   *rig.Child
	stderr  bytes.Buffer // of caddy; read only after it has ended
	dir     string
	ports   map[string][2]string // by site: of http and https
	opening []byte               // what headstart sends before the backend answers
}

// setUp starts everything and teaches the pages. The caller must tearDown it,
// also after an error.
func setUp(ctx context.Context, delay time.Duration) (*stage, error) {
	s := &stage{ports: make(map[string][2]string)}
	var err error
	if s.dir, err = os.MkdirTemp("", "headstart-bench"); err != nil {
		return s, fmt.Errorf("making a folder for certificates: %w", err)
	}
	if s.origin, err = startOrigin(delay); err != nil {
		return s, err
	}
	if s.caddy, err = rig.StartChild(ctx, &s.stderr); err != nil {
		return s, err
	}
	if err := s.open(); err != nil {
		return s, err
	}
	for name := range s.ports {
		if err := rig.AwaitCertificate(ctx, siteName, "127.0.0.1:"+s.ports[name][1]); err != nil {
			return s, err
		}
	}
	if s.opening, err = s.readOpening(ctx); err != nil {
		return s, err
	}
	if err := s.configure(string(s.opening)); err != nil {
		return s, err
	}
	return s, s.teachAll(ctx)
}

// open loads a first configuration, without the opening: it is not known yet.
func (s *stage) open() error {
	for tries := 3; ; tries-- {
		for _, name := range []string{plain, headstart, respond} {
			var ports [2]string
			for i := range ports {
				port, err := rig.FreePort()
				if err != nil {
					return err
				}
				ports[i] = port
			}
			s.ports[name] = ports
		}
		err := s.configure("nothing yet")
		if err == nil || tries == 1 {
			return err
		}
		// Somebody else may have taken a port meanwhile.
	}
}

// tearDown ends what setUp has started.
func (s *stage) tearDown() {
	if s.caddy != nil {
		s.caddy.Close()
	}
	if s.origin != nil {
		s.origin.close()
	}
	_ = os.RemoveAll(s.dir) // "" if it was not made: nothing to remove
}

// configure loads a configuration whose respond site sends body.
func (s *stage) configure(body string) error {
	var text strings.Builder
	fmt.Fprintf(&text, globals, s.dir)
	upstream := "reverse_proxy " + s.origin.addr
	for _, part := range [][2]string{
		{plain, upstream},
		{headstart, "headstart {\n\t\tmin_wait 0\n\t\tflush head\n\t}\n\t" + upstream},
		{respond, "respond `" + body + "`"},
	} {
		ports := s.ports[part[0]]
		fmt.Fprintf(&text, site, ports[0], ports[1], part[1])
	}
	_, err := s.ask(rig.Order{Caddyfile: text.String()})
	return err
}

// ask gives the measured Caddy an order. If it has died, the error says why, by the
// last that it wrote.
func (s *stage) ask(o rig.Order) (rig.Answer, error) {
	a, err := s.caddy.Ask(o)
	if errors.Is(err, rig.ErrDied) {
		lines := strings.Split(strings.TrimSpace(s.stderr.String()), "\n")
		return a, fmt.Errorf("%w\n%s", err, strings.Join(lines[max(len(lines)-5, 0):], "\n"))
	}
	return a, err
}

// url returns the URL of a path at a site, for a protocol.
func (s *stage) url(protocol, name, path string) string {
	if protocol == rig.H1 {
		return "http://" + s.addr(name) + path
	}
	return "https://127.0.0.1:" + s.ports[name][1] + path
}

// addr returns the address of a site for plain http.
func (s *stage) addr(name string) string { return "127.0.0.1:" + s.ports[name][0] }

// teachAll teaches the pages that are to be committed.
func (s *stage) teachAll(ctx context.Context) error {
	for _, protocol := range protocols {
		if err := s.teach(ctx, protocol, pathSlow); err != nil {
			return err
		}
	}
	for _, path := range []string{pathFast, pathChunked} {
		if err := s.teach(ctx, rig.H1, path); err != nil {
			return err
		}
	}
	return nil
}

// teach visits a page until it is committed.
func (s *stage) teach(ctx context.Context, protocol, path string) error {
	visitor := newVisitor(protocol)
	defer visitor.close()
	const visits = 12 // learn_after is 3, the next is committed
	var last error    // Caddy may reset connections right after it has started
	for range visits {
		sample, err := visitor.visit(ctx, s.url(protocol, headstart, path))
		if err == nil && sample.committed {
			return nil
		}
		last = err
	}
	if last != nil {
		return fmt.Errorf("teaching %s over %s: %w", path, protocol, last)
	}
	return fmt.Errorf("%s over %s was not committed after %d visits", path, protocol, visits)
}

// readOpening returns what headstart sends while the backend is held.
func (s *stage) readOpening(ctx context.Context) ([]byte, error) {
	if err := s.teach(ctx, rig.H1, pathHeld); err != nil {
		return nil, err
	}
	s.origin.hold()
	defer s.origin.release()

	conn, err := dial(ctx, s.addr(headstart))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.send(requestBytes(pathHeld, browserHeader)); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(conn.reader, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the opening: %w", err)
	}
	defer resp.Body.Close()
	var opening bytes.Buffer
	for {
		if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return nil, fmt.Errorf("reading the opening: %w", err)
		}
		// The decoder of chunks forgets nothing at a time-out: what it has
		// decoded is in opening.
		_, err := io.CopyN(&opening, resp.Body, 1)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the opening: %w", err)
		}
	}
	if opening.Len() == 0 || !bytes.HasPrefix(s.origin.page, opening.Bytes()) {
		return nil, fmt.Errorf("the opening (%d bytes) is not the beginning of the page", opening.Len())
	}
	return opening.Bytes(), nil
}
