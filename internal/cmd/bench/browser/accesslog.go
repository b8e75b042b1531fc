package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"path"
	"strings"
	"sync"
	"time"
)

// An accessLog takes Caddy's access log. It tells when the download of a stylesheet
// started, which Resource Timing does not if a 103 response started it: Chromium tells
// then when the page found it.
type accessLog struct {
	listener net.Listener
	sheets   chan request // of stylesheets
	serving  sync.WaitGroup
}

// A request is one that Caddy has answered.
type request struct {
	port string    // of the site
	at   time.Time // when its header had come
}

// maxSheets is how many requests may wait to be looked at. More are dropped.
const maxSheets = 256

func startAccessLog() (*accessLog, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listening for the access log: %w", err)
	}
	l := &accessLog{listener: listener, sheets: make(chan request, maxSheets)}
	l.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			l.serving.Go(func() { l.read(conn) })
		}
	})
	return l, nil
}

func (l *accessLog) addr() string { return l.listener.Addr().String() }

// close returns when Caddy, which has to end first, has no connection left.
func (l *accessLog) close() {
	l.listener.Close()
	l.serving.Wait()
}

func (l *accessLog) read(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		r, ok := parseSheet(lines.Bytes())
		if !ok {
			continue
		}
		select {
		case l.sheets <- r:
		default: // nobody looks
		}
	}
}

// parseSheet reads a line of the log, and tells whether it is of a stylesheet.
func parseSheet(line []byte) (r request, ok bool) {
	var entry struct {
		TS       float64 // when it was answered, seconds since 1970
		Duration float64 // since its header had come, seconds
		Request  struct{ Host, URI string }
	}
	if json.Unmarshal(line, &entry) != nil {
		return request{}, false
	}
	file, _, _ := strings.Cut(entry.Request.URI, "?")
	_, port, err := net.SplitHostPort(entry.Request.Host)
	if err != nil || path.Ext(file) != ".css" {
		return request{}, false
	}
	return request{port, time.UnixMicro(int64((entry.TS - entry.Duration) * 1e6))}, true
}

// forget forgets what was asked for before.
func (l *accessLog) forget() {
	for {
		select {
		case <-l.sheets:
		default:
			return
		}
	}
}

// sheet returns when the first stylesheet was asked for at a port since forget. It is
// called when the page has loaded, so the answers are there, but perhaps not their log.
func (l *accessLog) sheet(port string) (time.Time, error) {
	for {
		select {
		case r := <-l.sheets:
			if r.port == port {
				return r.at, nil
			}
		case <-time.After(Patience):
			return time.Time{}, fmt.Errorf("no stylesheet in the access log of port %s", port)
		}
	}
}
