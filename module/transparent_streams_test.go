package module_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// answerStreamCases are about when answers come, and on which connection.
var answerStreamCases = []transparencyCase{
	{
		name: "server-sent events",
		try: func(t *testing.T, x *trial) look {
			return x.inParts(t, testorigin.Header(200, "Content-Type", "text/event-stream"), "data: 1\n\n", "data: 2\n\n")
		},
		check: answers(200, "data: 1\n\ndata: 2\n\n"),
	},
	{
		name: "page that takes its time",
		try: func(t *testing.T, x *trial) look {
			return x.inParts(t, htmlHead, html[:1000], html[1000:])
		},
		check: answers(200, html),
	},
	{
		name: "several requests on one connection",
		try: func(t *testing.T, x *trial) look {
			x.answer(echo)
			conn := dialRaw(t, x.c.addr(t, x.site))
			conn.send(t, x.lines("GET", "1.1"))
			conn.readUntil(t, "\r\n\r\n")
			conn.send(t, x.lines("POST", "1.1", "Content-Length: 5")+"first")
			conn.readUntil(t, "\r\n\r\nfirst")
			conn.send(t, x.lines("PUT", "1.1", "Transfer-Encoding: chunked")+"6\r\nsecond\r\n0\r\n\r\n")
			conn.readUntil(t, "\r\n\r\nsecond")
			conn.send(t, x.lines("HEAD", "1.1")+x.lines("DELETE", "1.1", "Connection: close"))
			return x.lookRaw(t, conn)
		},
		check: func(t *testing.T, l look) {
			if n := strings.Count(l.Body, "HTTP/1.1 200 OK"); n != 5 || len(l.Requests) != 5 || l.End != cleanEnd {
				t.Errorf("%d answers, %d requests, %s:\n%s", n, len(l.Requests), l.End, l.Body)
			}
		},
		protocols: []string{"h1"},
	},
}

// requestStreamCases are about requests that are more than a question.
var requestStreamCases = []transparencyCase{
	{
		name: "upload that takes its time",
		try: func(t *testing.T, x *trial) look {
			gate := testorigin.NewGate()
			x.answer(testorigin.Read(5), testorigin.Wait(gate), testorigin.ReadBody(), testorigin.Header(201, "Content-Length", "0"))
			in, out := io.Pipe()
			req := x.request(t, http.MethodPost, "", "")
			req.Body, req.ContentLength = in, -1
			written := make(chan error, 1)
			go func() {
				if _, err := io.WriteString(out, "first"); err != nil {
					written <- err
					return
				}
				<-gate.Arrived() // the backend has it
				gate.Open()
				_, err := io.WriteString(out, "second")
				written <- err
				out.Close()
			}()
			r := x.v.send(t, req)
			if err := await(t, "the upload", written); err != nil {
				t.Error(err)
			}
			return x.look(t, r)
		},
		check: func(t *testing.T, l look) {
			answers(201, "")(t, l)
			if got := string(l.Requests[0].Body); got != "firstsecond" {
				t.Errorf("the backend saw %q", got)
			}
		},
	},
	{
		name: "100 continue",
		try: func(t *testing.T, x *trial) look {
			x.answer(echo)
			conn := dialRaw(t, x.c.addr(t, x.site))
			conn.send(t, x.lines("POST", "1.1", "Expect: 100-continue", "Content-Length: 4", "Connection: close"))
			conn.readUntil(t, "HTTP/1.1 100 Continue\r\n")
			conn.send(t, "body")
			l := x.lookRaw(t, conn)
			// One is Caddy's, one the backend's. Which are sent depends on who
			// comes first, without Headstart too.
			l.Body = continues.ReplaceAllString(l.Body, "HTTP/1.1 100 Continue\r\n\r\n")
			return l
		},
		check: func(t *testing.T, l look) {
			if !strings.HasSuffix(l.Body, "\r\n\r\nbody") || l.End != cleanEnd {
				t.Errorf("%s: %q", l.End, l.Body)
			}
		},
		protocols: []string{"h1"},
	},
	{
		name: "upgrade to a websocket",
		try: func(t *testing.T, x *trial) look {
			x.answer(testorigin.Header(101, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Accept", "xyz"),
				testorigin.TakeOver(), testorigin.Write("hello;"), testorigin.Echo())
			conn := dialRaw(t, x.c.addr(t, x.site))
			conn.send(t, x.lines("GET", "1.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: abc"))
			conn.readUntil(t, "hello;")
			for i := range 3 {
				ping := fmt.Sprintf("ping %d;", i)
				conn.send(t, ping)
				conn.readUntil(t, ping)
			}
			conn.closeWrite(t)
			return x.lookRaw(t, conn)
		},
		check: func(t *testing.T, l look) {
			if !strings.HasPrefix(l.Body, "HTTP/1.1 101 Switching Protocols\r\n") || !strings.HasSuffix(l.Body, "\r\n\r\nhello;ping 0;ping 1;ping 2;") {
				t.Errorf("%s: %q", l.End, l.Body)
			}
		},
		protocols: []string{"h1"},
	},
	{
		name: "HTTP/1.0",
		try: func(t *testing.T, x *trial) look {
			x.answer(htmlHead, testorigin.Write(html))
			conn := dialRaw(t, x.c.addr(t, x.site))
			conn.send(t, x.lines("GET", "1.0"))
			return x.lookRaw(t, conn)
		},
		check: func(t *testing.T, l look) {
			if !strings.HasPrefix(l.Body, "HTTP/1.0 200 OK\r\n") || l.End != cleanEnd {
				t.Errorf("%s: %q", l.End, l.Body)
			}
		},
		protocols: []string{"h1"},
	},
	{
		name: "HTTP/1.0 on a connection that is kept",
		try: func(t *testing.T, x *trial) look {
			x.answer(sizedHead, testorigin.Write(html))
			conn := dialRaw(t, x.c.addr(t, x.site))
			conn.send(t, x.lines("HEAD", "1.0", "Connection: keep-alive"))
			conn.readUntil(t, "\r\n\r\n")
			conn.send(t, x.lines("GET", "1.0"))
			return x.lookRaw(t, conn)
		},
		check: func(t *testing.T, l look) {
			if strings.Count(l.Body, "HTTP/1.0 200 OK\r\n") != 2 || l.End != cleanEnd {
				t.Errorf("%s: %q", l.End, l.Body)
			}
		},
		protocols: []string{"h1"},
	},
}

// continues matches one or more 100 responses in a row.
var continues = regexp.MustCompile(`(HTTP/1\.1 100 Continue\r\n([^\r]+\r\n)*\r\n)+`)

// inParts lets the backend send two parts of an answer and checks that the
// visitor has the first before the second is written.
func (x *trial) inParts(t *testing.T, header testorigin.Step, first, second string) look {
	t.Helper()
	gate := testorigin.NewGate()
	x.answer(header, testorigin.Write(first), testorigin.Wait(gate), testorigin.Write(second))
	r := x.v.send(t, x.request(t, http.MethodGet, "", ""))
	if got := r.readUntil(t, first); got != first {
		t.Errorf("got %q before the second part was written", got)
	}
	await(t, "the gate", gate.Arrived())
	r.stillOpen(t)
	gate.Open()
	return x.look(t, r)
}

// lines is the head of a raw request, dressed as the trial's kind of visitor.
func (x *trial) lines(method, version string, more ...string) string {
	req := &http.Request{Header: make(http.Header)}
	x.dress(req)
	lines := []string{method + " " + x.path + " HTTP/" + version, "Host: " + host}
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		lines = append(lines, name+": "+req.Header.Get(name))
	}
	return strings.Join(append(lines, more...), "\r\n") + "\r\n\r\n"
}
