package module_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() { caddy.RegisterModule(logWriter{}) }

var (
	logBooks     sync.Map // the log books of running tests by name
	logBookCount atomic.Int64
)

// A logBook collects what Caddy logs, in memory.
type logBook struct {
	name string

	mu       sync.Mutex            // protects what follows
	lines    []byte                // all of the log
	accesses map[string][]logEntry // the access log, by path
	handled  map[string][]logEntry // the handler's own log, by path
	more     chan struct{}         // closed and replaced when an entry comes
}

// A logEntry is one line of Caddy's log.
type logEntry map[string]any

// field gives a field by the names that lead to it, or nil.
func (e logEntry) field(names ...string) any {
	var v any = map[string]any(e)
	for _, name := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func newLogBook(t *testing.T) *logBook {
	// Caddy keeps a writer as long as something may log to it, so a name is
	// never used again.
	name := fmt.Sprintf("%s#%d", t.Name(), logBookCount.Add(1))
	b := &logBook{name: name, accesses: make(map[string][]logEntry), handled: make(map[string][]logEntry), more: make(chan struct{})}
	logBooks.Store(b.name, b)
	t.Cleanup(func() { logBooks.Delete(b.name) })
	return b
}

// find returns the entries that match, so far.
func (b *logBook) find(match func(logEntry) bool) []logEntry {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []logEntry
	for line := range bytes.Lines(b.lines) {
		if e := parseEntry(line); match(e) {
			found = append(found, e)
		}
	}
	return found
}

func parseEntry(line []byte) logEntry {
	var e logEntry
	if err := json.Unmarshal(line, &e); err != nil {
		e = logEntry{"msg": string(line), "level": "not json"}
	}
	return e
}

// wait returns the first n entries that match, once they are there.
func (b *logBook) wait(t *testing.T, n int, match func(logEntry) bool) []logEntry {
	t.Helper()
	return b.waitFor(t, n, func() []logEntry { return b.find(match) })
}

// access returns the first n entries that the access log has for a path, once
// they are there; Caddy writes them after the visitor has its end. The site
// needs the directive `log`.
func (b *logBook) access(t *testing.T, n int, path string) []logEntry {
	t.Helper()
	return b.waitFor(t, n, func() []logEntry {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Clone(b.accesses[path])
	})
}

// own returns what Headstart itself has logged for a path, once there are at
// least n entries.
func (b *logBook) own(t *testing.T, n int, path string) []logEntry {
	t.Helper()
	var all []logEntry
	b.waitFor(t, n, func() []logEntry {
		b.mu.Lock()
		defer b.mu.Unlock()
		all = slices.Clone(b.handled[path])
		return all
	})
	return all
}

// waitFor waits until look gives n entries.
func (b *logBook) waitFor(t *testing.T, n int, look func() []logEntry) []logEntry {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		b.mu.Lock()
		more := b.more
		b.mu.Unlock()
		found := look()
		if len(found) >= n {
			return found[:n]
		}
		select {
		case <-more:
		case <-timer.C:
			t.Fatalf("waited too long for %d log entries, have %v", n, found)
		}
	}
}

// Write takes in one line. Most of them nobody will ask for, so only those of
// the requests are read at once.
func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line...)
	switch {
	case bytes.Contains(line, []byte(`"http.handlers.headstart"`)):
		e := parseEntry(line)
		path, _ := e["uri"].(string)
		b.handled[path] = append(b.handled[path], e)
	case bytes.Contains(line, []byte(`"handled request"`)):
		e := parseEntry(line)
		uri, _ := e.field("request", "uri").(string)
		path, _, _ := strings.Cut(uri, "?")
		b.accesses[path] = append(b.accesses[path], e)
	}
	close(b.more)
	b.more = make(chan struct{})
	return len(line), nil
}

// Close is for io.WriteCloser; a log book outlives a configuration.
func (b *logBook) Close() error { return nil }

// logWriter is the Caddy module that writes to a log book, by its name.
type logWriter struct {
	Name string `json:"name"`
}

func (logWriter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.logging.writers.headstart_test",
		New: func() caddy.Module { return new(logWriter) },
	}
}

func (w logWriter) String() string    { return "log book of " + w.Name }
func (w logWriter) WriterKey() string { return "headstart_test:" + w.Name }

func (w logWriter) OpenWriter() (io.WriteCloser, error) {
	b, ok := logBooks.Load(w.Name)
	if !ok {
		return nil, fmt.Errorf("no test %s is running", w.Name)
	}
	return b.(*logBook), nil
}

// UnmarshalCaddyfile reads `headstart_test <name>`.
func (w *logWriter) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&w.Name) {
		return errors.New("headstart_test takes the name of a log book")
	}
	return nil
}

var (
	_ caddy.WriterOpener    = logWriter{}
	_ caddyfile.Unmarshaler = (*logWriter)(nil)
)
