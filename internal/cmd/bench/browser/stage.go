package browser

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// Host is the host of every site of a [Stage]: Django's example takes no other. Sites
// differ by port.
const Host = "localhost"

// LevelHeader is the header by which the sites of a [Stage] with Headstart tell how
// far a response was committed, and behind a space, if it was not, why.
const LevelHeader = "Headstart-Level"

// site has encode, since who cares for a slow link compresses.
const site = `https://` + Host + `:%s {
	log {
		output net %s
		format json
	}
	encode
	%sreverse_proxy %s
}
`

const withHeadstart = `headstart {
		flush %s%s
	}
	header >` + LevelHeader + ` "{http.headstart.level} {http.headstart.reason}"
	`

// A Front is a site of the measured Caddy: what stands in front of a backend.
type Front struct {
	// Name tells it from the others of its stage.
	Name string
	// Flush is the argument of Headstart's option flush, such as "shell"; "" is for a
	// site without Headstart.
	Flush string
	// StopAt is the argument of its option stop_at; "" leaves it out.
	StopAt string
	// Backend is the host and port of what it proxies.
	Backend string
}

// A Stage is a Caddy in a process of its own, with a site for each front. It speaks
// HTTP/2 with a certificate of its own authority.
type Stage struct {
	caddy       *rig.Child
	log         *accessLog
	dir         string
	ports       map[string]string // by front
	certificate *x509.Certificate
}

// StartStage starts Caddy. The caller must Close the stage, unless there is an error.
// The main of the command must call [rig.BeChild].
func StartStage(ctx context.Context, fronts []Front) (*Stage, error) {
	s := &Stage{ports: make(map[string]string)}
	if err := s.start(ctx, fronts); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stage) start(ctx context.Context, fronts []Front) error {
	var err error
	if s.dir, err = os.MkdirTemp("", "headstart-bench-"); err != nil {
		return fmt.Errorf("making a folder for certificates: %w", err)
	}
	if s.log, err = startAccessLog(); err != nil {
		return err
	}
	if s.caddy, err = rig.StartChild(ctx, nil); err != nil {
		return err
	}
	if err := s.open(fronts); err != nil {
		return err
	}
	if len(fronts) == 0 {
		return nil
	}
	addr := s.addr(fronts[0].Name) // all sites share a certificate
	if err := rig.AwaitCertificate(ctx, Host, addr); err != nil {
		return err
	}
	s.certificate, err = readCertificate(ctx, addr)
	return err
}

// open configures the sites.
func (s *Stage) open(fronts []Front) error {
	return rig.OnFreePorts(func() (err error) {
		for _, f := range fronts {
			if s.ports[f.Name], err = rig.FreePort(); err != nil {
				return err
			}
		}
		return nil
	}, func() error {
		_, err := s.caddy.Ask(rig.Order{Caddyfile: s.caddyfile(fronts)})
		return err
	})
}

func (s *Stage) caddyfile(fronts []Front) string {
	var text strings.Builder
	text.WriteString(rig.QuietGlobals(s.dir))
	for _, f := range fronts {
		directives := ""
		if f.Flush != "" {
			stopAt := ""
			if f.StopAt != "" {
				stopAt = "\n\t\tstop_at " + f.StopAt
			}
			directives = fmt.Sprintf(withHeadstart, f.Flush, stopAt)
		}
		fmt.Fprintf(&text, site, s.ports[f.Name], s.log.addr(), directives, f.Backend)
	}
	return text.String()
}

// readCertificate returns the certificate of the host.
func readCertificate(ctx context.Context, addr string) (*x509.Certificate, error) {
	dialer := tls.Dialer{Config: rig.AnyCertificate(Host)}
	dialed, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of %s: %w", Host, err)
	}
	defer dialed.Close()
	return dialed.(*tls.Conn).ConnectionState().PeerCertificates[0], nil // it dials no other
}

// addr returns the address of a front.
func (s *Stage) addr(front string) string { return net.JoinHostPort("127.0.0.1", s.ports[front]) }

// URL returns the address of a path behind a front, as a browser of [Stage.Connect]
// takes it.
func (s *Stage) URL(front, path string) string {
	return "https://" + net.JoinHostPort(Host, s.ports[front]) + path
}

// Close ends Caddy.
func (s *Stage) Close() {
	if s.caddy != nil {
		s.caddy.Close()
	}
	if s.log != nil {
		s.log.close()
	}
	_ = os.RemoveAll(s.dir) // "" if it was not made: nothing to remove
}
