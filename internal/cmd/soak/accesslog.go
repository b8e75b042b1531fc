package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// A verdict is what Headstart says of a request, in Caddy's access log.
type verdict struct {
	Level    string  `json:"level"`
	Reason   string  `json:"reason"`
	Audience string  `json:"audience"`
	Outcome  string  `json:"outcome"`
	Status   int     `json:"backend_status"`
	Header   float64 `json:"backend_header_ms"`
}

// committed reports whether the response was, before the backend answered.
func (v verdict) committed() bool { return v.Level != "" && v.Level != "none" && v.Level != "hints" }

// An accessLog takes what the child writes to standard error: the access log, and
// what else Caddy has to say.
type accessLog struct {
	tally *tally
	line  []byte // the last one, without its end; for Write only

	mu      sync.Mutex // protects waiting
	waiting map[uint64]chan verdict
}

func newAccessLog(t *tally) *accessLog {
	return &accessLog{tally: t, waiting: make(map[uint64]chan verdict)}
}

// expect returns where the verdict on a request will come. The caller must forget
// it.
func (a *accessLog) expect(id uint64) <-chan verdict {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := make(chan verdict, 1)
	a.waiting[id] = c
	return c
}

func (a *accessLog) forget(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

// Write takes in a piece of the log.
func (a *accessLog) Write(p []byte) (int, error) {
	a.line = append(a.line, p...)
	for {
		line, rest, found := bytes.Cut(a.line, []byte("\n"))
		if !found {
			return len(p), nil
		}
		a.take(line)
		a.line = rest
	}
}

// take takes in one line.
func (a *accessLog) take(line []byte) {
	var entry struct {
		Level     string   `json:"level"`
		Logger    string   `json:"logger"`
		Message   string   `json:"msg"`
		Error     string   `json:"error"`
		Headstart *verdict `json:"headstart"`
		Request   struct {
			Headers http.Header `json:"headers"`
		} `json:"request"`
	}
	switch err := json.Unmarshal(line, &entry); {
	case err != nil: // a crash, a data race
		a.tally.find(fault{What: faultOutcry, Detail: string(line)})
		return
	case strings.Contains(entry.Message, "panic") || strings.Contains(entry.Error, "panic"):
		a.tally.find(fault{What: faultOutcry, Detail: string(line)})
		return
	case !strings.HasPrefix(entry.Logger, "http.log.access"):
		a.tally.heard(entry.Level + " " + entry.Logger + ": " + entry.Message)
		return
	}
	if entry.Headstart == nil { // a site without Headstart
		return
	}
	a.tally.judged(*entry.Headstart)
	id, ok := idOf(strings.Join(entry.Request.Headers["X-Forwarded-For"], ", "))
	if !ok {
		return
	}
	a.mu.Lock()
	c := a.waiting[id]
	delete(a.waiting, id)
	a.mu.Unlock()
	if c != nil {
		c <- *entry.Headstart
	}
}
