package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// columns lays out one line per request. Times are in milliseconds.
const columns = "%-12s  %-9s  %-5s  %-30s  %-7s  %-15s  %8s  %10s  %s\n"

const (
	pathWidth = 30
	none      = "-"
)

// report prints the requests.
type report struct {
	out     io.Writer
	verbose bool // static files, too
}

func (r report) heading() {
	fmt.Fprintf(r.out, columns, "time", "front end", "proto", "path", "status", "level, reason", "early ms", "backend ms", "outcome")
}

// show prints one line for e.
func (r report) show(e entry) {
	path := e.Request.URI
	if u, err := url.ParseRequestURI(path); err == nil && !r.verbose && isStatic(u.Path) {
		return
	}
	level, early, backend, outcome := none, none, milliseconds(e.UpstreamMS), none
	status := strconv.Itoa(e.Status)
	if h := e.Headstart; h != nil {
		level = h.Level
		if level == "none" {
			level = cmp.Or(h.Reason, level)
		}
		early = milliseconds(h.EarlyMS)
		if h.BackendHeaderMS != nil {
			backend = milliseconds(h.BackendHeaderMS)
		}
		outcome = cmp.Or(h.Outcome, none)
		// After a commit the visitor's status is 200, whatever the backend said.
		if h.BackendStatus != 0 && h.BackendStatus != e.Status {
			status += "/" + strconv.Itoa(h.BackendStatus)
		}
	}
	if e.Request.Method != "GET" {
		path = e.Request.Method + " " + path
	}
	fmt.Fprintf(r.out, columns, e.Time.Format("15:04:05.000"), e.FrontEnd, protocol(e.Request.Proto),
		shorten(path, pathWidth), status, level, early, backend, outcome)
}

// isStatic tells whether path is that of a file and not of a page.
func isStatic(path string) bool {
	return strings.HasPrefix(path, "/assets/") || path == "/favicon.ico"
}

// milliseconds writes a time with as many digits as one can use.
func milliseconds(ms *float64) string {
	switch {
	case ms == nil:
		return none
	case *ms < 100:
		return strconv.FormatFloat(*ms, 'f', 1, 64)
	default:
		return strconv.FormatFloat(*ms, 'f', 0, 64)
	}
}

// protocol shortens Caddy's name of an HTTP version.
func protocol(proto string) string {
	switch proto {
	case "HTTP/2.0":
		return "h2"
	case "HTTP/3.0":
		return "h3"
	default:
		return strings.Replace(proto, "HTTP/", "h", 1)
	}
}

// shorten cuts text to width characters, the last one a sign that it was cut.
func shorten(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
