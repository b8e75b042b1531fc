package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() {
	caddy.RegisterModule(logWriter{})
}

// accessLog is where the access logs of both front ends go. Caddy makes its log
// writers itself, from the configuration, so they find the demo here.
var accessLog entrySink

// entrySink hands log entries to the demo that runs, if one does.
type entrySink struct {
	mu   sync.Mutex // guards show, and keeps entries in order
	show func(entry)
}

// connect makes the sink call show for every entry, one at a time. nil
// disconnects it.
func (s *entrySink) connect(show func(entry)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show = show
}

func (s *entrySink) put(e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.show != nil {
		s.show(e)
	}
}

// entry is what the demo needs of one line of Caddy's access log.
type entry struct {
	FrontEnd string    `json:"-"`
	Time     time.Time `json:"-"`

	Request struct {
		Proto  string `json:"proto"`
		Method string `json:"method"`
		URI    string `json:"uri"`
	} `json:"request"`
	Timestamp float64 `json:"ts"` // seconds since 1970
	Status    int     `json:"status"`

	// UpstreamMS is the time that the backend took for its header, in
	// milliseconds; nil if it gave none.
	UpstreamMS *float64 `json:"upstream_ms"`

	// Headstart is nil on the plain front end.
	Headstart *struct {
		Level           string   `json:"level"`
		Reason          string   `json:"reason"`
		Outcome         string   `json:"outcome"`
		BackendStatus   int      `json:"backend_status"`
		EarlyMS         *float64 `json:"early_ms"`
		BackendHeaderMS *float64 `json:"backend_header_ms"`
	} `json:"headstart"`
}

// parseEntry reads one line of the log of a front end.
func parseEntry(frontEnd string, line []byte) (entry, error) {
	e := entry{FrontEnd: frontEnd}
	if err := json.Unmarshal(line, &e); err != nil {
		return entry{}, fmt.Errorf("reading the access log of %s: %w", frontEnd, err)
	}
	e.Time = time.UnixMicro(int64(e.Timestamp * 1e6))
	return e, nil
}

// logWriter is a Caddy log writer that shows what it gets in the demo.
type logWriter struct {
	// The name of the front end whose log it writes.
	FrontEnd string `json:"front_end"`
}

// CaddyModule returns the Caddy module information.
func (logWriter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.logging.writers.aggregator_demo",
		New: func() caddy.Module { return new(logWriter) },
	}
}

// UnmarshalCaddyfile reads the writer from a log block. Syntax:
//
//	output aggregator_demo <front_end>
func (l *logWriter) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the writer's name
	if !d.Args(&l.FrontEnd) || d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

func (l logWriter) String() string { return "the demo, for " + l.FrontEnd }

// WriterKey tells the writers of the two front ends apart.
func (l logWriter) WriterKey() string { return "aggregator_demo:" + l.FrontEnd }

// OpenWriter returns the writer itself: there is nothing to open.
func (l logWriter) OpenWriter() (io.WriteCloser, error) { return l, nil }

// Write shows one log entry.
func (l logWriter) Write(line []byte) (int, error) {
	e, err := parseEntry(l.FrontEnd, line)
	if err != nil {
		return 0, err
	}
	accessLog.put(e)
	return len(line), nil
}

// Close does nothing.
func (l logWriter) Close() error { return nil }

// Interface guards
var (
	_ caddy.WriterOpener    = (*logWriter)(nil)
	_ caddyfile.Unmarshaler = (*logWriter)(nil)
)
