package module_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// longBody is more than all windows and buffers of a visitor who is slow.
var longBody = bodyHead + bodyNav + "<main>" + strings.Repeat("<p>"+strings.Repeat("long ", 20)+"</p>", 8500) + "</main>"

// slowVisitors are those whose windows are small, by protocol.
func slowVisitors(t *testing.T) []*visitor {
	t.Helper()
	h1, h2 := newVisitor(t, "h1"), newVisitor(t, "h2")
	h2.transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 32 << 10}
	h3 := &http3.Transport{
		TLSClientConfig: anyCertificate(), DisableCompression: true,
		QUICConfig: &quic.Config{InitialStreamReceiveWindow: 2048, MaxStreamReceiveWindow: 4096},
	}
	t.Cleanup(func() { h3.Close() })
	return []*visitor{h1, h2, {"h3", h3}}
}

// A visitor who does not read a long opening keeps neither the backend waiting nor
// the other requests of the same connection, and gets all of it once he reads.
func TestLongShellIsNotRead(t *testing.T) {
	s := limitedSite(t, "", "max_opening 1MiB")
	page := longBody + bodyEnd
	for _, v := range slowVisitors(t) {
		t.Run(v.protocol, func(t *testing.T) {
			path := "/" + v.protocol
			s.learn(t, newVisitor(t, v.protocol), path, func(int) string { return page }, 0)
			s.origin.Handle("/other", htmlPage("<p>other")...)

			gate := testorigin.NewGate()
			s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(page)...)...)
			r := s.visit(t, v, path)
			await(t, "the request at the backend", gate.Arrived())
			if body, end := s.visit(t, v, "/other").rest(t); body != "<p>other" || end != cleanEnd {
				t.Errorf("another request: %s, %q", end, body)
			}
			gate.Open()
			if body, end := r.rest(t); unpad(body) != page || end != cleanEnd {
				t.Errorf("%s, %d bytes of %d", end, len(body), len(page))
			}
			entries := s.c.logs.own(t, 1, path)
			if entry := entries[len(entries)-1]; entry["level"] != "shell" || entry["outcome"] != "exact" || entry["flushed"].(float64) < float64(len(longBody)) {
				t.Errorf("%v, %v, %v bytes early", entry["level"], entry["outcome"], entry["flushed"])
			}
		})
	}
}

// A visitor who leaves while a long opening is being written leaves nothing behind: the
// request ends, and that waits for what writes the opening.
func TestLongShellIsLeft(t *testing.T) {
	s := limitedSite(t, "", "max_opening 1MiB")
	page := longBody + bodyEnd
	for _, v := range slowVisitors(t) {
		t.Run(v.protocol, func(t *testing.T) {
			path := "/" + v.protocol
			s.learn(t, newVisitor(t, v.protocol), path, func(int) string { return page }, 0)
			gate := testorigin.NewGate()
			s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(page)...)...)
			ctx, leave := context.WithCancel(t.Context())
			v.send(t, navigate(t, v.url(t, s.c, "site", path)).WithContext(ctx))
			await(t, "the request at the backend", gate.Arrived())
			leave()
			entries := s.c.logs.access(t, teachers+1, path)
			if got := entries[teachers].field("headstart", "outcome"); got != "canceled" {
				t.Errorf("outcome %v", got)
			}
		})
	}
}
