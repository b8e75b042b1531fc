package module_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// In these cases, a script is what the backend does.
type script = []testorigin.Step

// html is a page that is large enough for encode to compress it.
var html = page + "<!--" + strings.Repeat(" filler", 200) + "-->"

var (
	htmlHead  = testorigin.Header(200, "Content-Type", "text/html; charset=utf-8")
	sizedHead = testorigin.Header(200, "Content-Type", "text/html; charset=utf-8", "Content-Length", strconv.Itoa(len(html)))
)

// file is a static file of the backend, with all that net/http knows of ranges
// and conditions.
var file = testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Etag", `"v1"`)
	http.ServeContent(w, r, "", fileTime, strings.NewReader(html))
})

var fileTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// echo sends the request body back once it has it all: while the body comes in,
// Caddy does not send anything over HTTP/1.
var echo = testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
})

// gzipped answers with gzip if the visitor takes it.
var gzipped = testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = w.Write([]byte(html))
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(gzipBytes)
})

var gzipBytes = func() []byte {
	var b bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = zw.Write([]byte(html))
	_ = zw.Close()
	return b.Bytes()
}()

// serving makes a try of a GET with additional headers.
func serving(steps script, namesAndValues ...string) func(*testing.T, *trial) look {
	return func(t *testing.T, x *trial) look {
		x.answer(steps...)
		return x.get(t, namesAndValues...)
	}
}

// sending makes a try of another request.
func sending(steps script, method, query, body string) func(*testing.T, *trial) look {
	return func(t *testing.T, x *trial) look {
		x.answer(steps...)
		return x.look(t, x.v.send(t, x.request(t, method, query, body)))
	}
}

// answers makes a check of what the visitor saw.
func answers(status int, body string) func(*testing.T, look) {
	return func(t *testing.T, l look) {
		t.Helper()
		if l.Status != status || l.Body != body || l.End != cleanEnd {
			t.Fatalf("status %d, %s, %d bytes %.200q; want status %d, %d bytes", l.Status, l.End, len(l.Body), l.Body, status, len(body))
		}
	}
}

// answerCases are about what backends answer.
var answerCases = []transparencyCase{
	{
		name:  "page with content length",
		try:   serving(script{sizedHead, testorigin.Write(html)}),
		check: answers(200, html),
	},
	{
		name:  "page in chunks",
		try:   serving(script{htmlHead, testorigin.Write(html[:900]), testorigin.Write(html[900:])}),
		check: answers(200, html),
	},
	{
		name:  "page byte by byte",
		try:   serving(script{htmlHead, testorigin.Bytewise(page)}),
		check: answers(200, page),
	},
	{
		// With a length: in chunks, Caddy flushes the header on a timer, and whether
		// net/http guesses a type depends on who comes first.
		name:  "page without content type",
		try:   serving(script{testorigin.Header(200, "Content-Length", strconv.Itoa(len(html))), testorigin.Write(html)}),
		check: answers(200, html),
	},
	{
		name: "headers of all sorts",
		try: serving(script{testorigin.Header(
			200, "Content-Type", "text/html", "Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Empty", "",
			"Link", "</a.css>; rel=preload", "Cache-Control", "private, max-age=3", "Content-Security-Policy", "script-src 'nonce-abcdefgh'",
			"Etag", `W/"1"`, "Vary", "Cookie", "Server", "testorigin", "X-Accel-Buffering", "no",
		), testorigin.Write(html)}),
		check: func(t *testing.T, l look) {
			answers(200, html)(t, l)
			if len(l.Header["Set-Cookie"]) != 2 {
				t.Errorf("header %v", l.Header)
			}
		},
	},
	{
		name:  "query",
		try:   sending(script{htmlHead, testorigin.Write(html)}, http.MethodGet, "?utm_source=a&b=%20c", ""),
		check: answers(200, html),
	},
	{
		name:  "redirect",
		try:   serving(script{testorigin.Header(302, "Location", "/login?next=%2F", "Content-Length", "0")}),
		check: answers(302, ""),
	},
	{
		name:  "not found",
		try:   serving(script{testorigin.Header(404, "Content-Type", "text/html"), testorigin.Write("<h1>no")}),
		check: answers(404, "<h1>no"),
	},
	{
		name:  "server error",
		try:   serving(script{testorigin.Header(500, "Content-Type", "text/html"), testorigin.Write("<h1>oh")}),
		check: answers(500, "<h1>oh"),
	},
	{
		name:  "no content",
		try:   serving(script{testorigin.Header(204)}),
		check: answers(204, ""),
	},
	{
		name:  "backend resets instead of answering",
		try:   serving(script{testorigin.Abort()}),
		check: answers(502, ""),
	},
	{
		name: "backend resets inside the body",
		try: func(t *testing.T, x *trial) look {
			gate := testorigin.NewGate()
			x.answer(htmlHead, testorigin.Write(html[:1000]), testorigin.Wait(gate), testorigin.Abort())
			r := x.v.send(t, x.request(t, http.MethodGet, "", ""))
			// A reset of a QUIC stream may overtake what came before it.
			r.readUntil(t, html[900:1000])
			gate.Open()
			return x.look(t, r)
		},
		check: abortedBody,
	},
	{
		name:  "backend ends before its content length",
		try:   serving(script{sizedHead, testorigin.Write(html[:1000]), testorigin.Close()}),
		check: abortedBody,
		// Caddy flushes only at the end here, so over HTTP/3 the reset may come
		// before the header.
		protocols: []string{"h1", "h2"},
	},
	{
		name: "early hints of the backend",
		try: serving(script{
			testorigin.Informational(103, "Link", "</style.css>; rel=preload; as=style", "X-Early", "1"),
			testorigin.Informational(103, "Link", "</late.css>; rel=preload; as=style"),
			htmlHead, testorigin.Write(html),
		}),
		check: func(t *testing.T, l look) {
			answers(200, html)(t, l)
			if len(l.Interim) != 2 || l.Interim[0].Header.Get("X-Early") != "1" {
				t.Errorf("interim responses %v", l.Interim)
			}
		},
	},
	{
		name:  "trailers, announced",
		try:   serving(script{testorigin.Header(200, "Content-Type", "text/html", "Trailer", "X-Sum"), testorigin.Write(html), testorigin.Trailer("X-Sum", "9")}),
		check: trailerSum,
	},
	{
		name:  "trailers, unannounced",
		try:   serving(script{htmlHead, testorigin.Write(html), testorigin.Trailer("X-Sum", "9")}),
		check: trailerSum,
	},
	{
		name:       "backend that compresses",
		negotiates: true,
		try: func(t *testing.T, x *trial) look {
			x.answer(gzipped)
			req := x.request(t, http.MethodGet, "", "")
			req.Header.Set("Accept-Encoding", "gzip, br")
			r := x.v.send(t, req)
			l := x.look(t, r)
			if !bytes.Equal(r.raw.got, gzipBytes) {
				t.Errorf("%s: the visitor got other bytes than the backend sent", x.site)
			}
			return l
		},
		check: func(t *testing.T, l look) {
			answers(200, html)(t, l)
			if got := l.Requests[0].Header.Get("Accept-Encoding"); got != "gzip, br" {
				t.Errorf("the backend was asked for %q", got)
			}
		},
	},
}

func wantStatus(t *testing.T, l look, status int) {
	t.Helper()
	if l.Status != status {
		t.Errorf("status %d, want %d", l.Status, status)
	}
}

func abortedBody(t *testing.T, l look) {
	t.Helper()
	if l.Status != 200 || !l.End.aborted() {
		t.Errorf("status %d, %s, want 200 and an abort", l.Status, l.End)
	}
}

func trailerSum(t *testing.T, l look) {
	t.Helper()
	answers(200, html)(t, l)
	if l.Trailer.Get("X-Sum") != "9" {
		t.Errorf("trailers %v", l.Trailer)
	}
}

func echoed(t *testing.T, l look) {
	t.Helper()
	answers(200, upload)(t, l)
	if len(l.Requests) != 1 || string(l.Requests[0].Body) != upload {
		t.Errorf("the backend saw %d requests", len(l.Requests))
	}
}
