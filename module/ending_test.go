package module_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// startInner starts a site with a handler behind Headstart that tests can set.
func startInner(t *testing.T, at level, outer, after string) *earlySite {
	t.Helper()
	origin := startOrigin(t)
	return &earlySite{startCaddy(t, fmt.Sprintf(`
http://:<site>, https://example.test:<site_tls> {
	log
	route {
		%s
		headstart {
			min_wait 0
			flush %s
		}
		headstart_test_inner
		reverse_proxy %s
	}
	%s
}
`, outer, at, origin.Addr(), after)), origin, at}
}

// Inner handlers that misbehave after a commit.
func TestInnerHandlers(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		tests := []struct {
			name    string
			handler caddyhttp.HandlerFunc
			outcome string
			end     ending
			has     string
		}{
			{"panics", func(http.ResponseWriter, *http.Request) error {
				panic("a bug")
			}, "aborted", anyAbort, ""},
			{"panics inside the body", func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				fmt.Fprint(w, pageHead+"</head>\n<body>")
				panic("a bug")
			}, "aborted", anyAbort, ""},
			{"aborts", func(http.ResponseWriter, *http.Request) error {
				panic(http.ErrAbortHandler)
			}, "aborted", anyAbort, ""},
			{"writes nothing", func(http.ResponseWriter, *http.Request) error {
				return nil
			}, "reloaded", anyAbort, reloads},
			{"flushes and writes nothing", func(w http.ResponseWriter, _ *http.Request) error {
				return http.NewResponseController(w).Flush()
			}, "reloaded", anyAbort, reloads},
			{"returns 404", func(http.ResponseWriter, *http.Request) error {
				return caddyhttp.Error(http.StatusNotFound, errors.New("no such page"))
			}, "reloaded", anyAbort, reloads},
			{"returns 403", func(http.ResponseWriter, *http.Request) error {
				return caddyhttp.Error(http.StatusForbidden, errors.New("not for you"))
			}, "reloaded", anyAbort, reloads},
			{"returns 503", func(http.ResponseWriter, *http.Request) error {
				return caddyhttp.Error(http.StatusServiceUnavailable, errors.New("down"))
			}, "failed", cleanEnd, "503 Service Unavailable"},
			{"returns an error", func(http.ResponseWriter, *http.Request) error {
				return errors.New("a bug")
			}, "failed", cleanEnd, "500 Internal Server Error"},
			{"returns an error inside the body", func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				fmt.Fprint(w, pageHead+"</head>\n<body>")
				return errors.New("a bug")
			}, "aborted", anyAbort, ""},
			{"switches protocols", func(w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(http.StatusSwitchingProtocols)
				if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
					return fmt.Errorf("hijack: %w", err)
				}
				return nil
			}, "reloaded", anyAbort, reloads},
			{"writes without a header", func(w http.ResponseWriter, _ *http.Request) error {
				_, err := fmt.Fprint(w, wholePage)
				return err
			}, "reloaded", anyAbort, reloads},
			{"is cut short", func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Length", "9999")
				_, err := fmt.Fprint(w, wholePage)
				return err
			}, "aborted", anyAbort, ""},
			{"reads what another goroutine writes, which flushes", func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				pr, pw := io.Pipe()
				flushed := make(chan error, 1)
				go func() {
					fmt.Fprint(pw, wholePage)
					flushed <- http.NewResponseController(w).Flush()
					pw.Close()
				}()
				_, err := io.Copy(w, pr)
				return errors.Join(err, <-flushed)
			}, "exact", cleanEnd, "</html>"},
			{"is well", func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, err := fmt.Fprint(w, wholePage)
				return err
			}, "exact", cleanEnd, "</html>"},
		}
		for _, outer := range []string{"", "encode gzip"} {
			t.Run("outer "+outer, func(t *testing.T) {
				s := startInner(t, at, outer, "")
				for _, protocol := range []string{"h1", "h2"} {
					for i, test := range tests {
						t.Run(protocol+" "+test.name, func(t *testing.T) {
							v := newVisitor(t, protocol)
							path := fmt.Sprintf("/%s/%d", protocol, i)
							// The proxy teaches, the inner handler answers.
							s.teachInner(t, v, path)
							release := make(chan struct{})
							setInner(t, func(w http.ResponseWriter, r *http.Request) error {
								<-release
								return test.handler(w, r)
							})
							r := s.visit(t, v, path)
							r.readUntil(t, at.opening()[len(at.opening())-8:])
							r.stillOpen(t)
							close(release)
							if test.has == reloads {
								r.readUntil(t, "</noscript>")
								r.resp.Body.Close()
							}
							body, end := r.rest(t)
							if end.aborted() != (test.end != cleanEnd) {
								t.Errorf("ended with %q, want %q", end, test.end)
							}
							if late := at.late(t, body); !strings.Contains(late, test.has) {
								t.Errorf("%q lacks %q", late, test.has)
							}
							if got := s.c.logs.access(t, 4, path)[3].field("headstart", "outcome"); got != test.outcome {
								t.Errorf("outcome %v, want %s", got, test.outcome)
							}
						})
					}
				}
			})
		}
	})
}

// teachInner teaches through a handler that sets no Via, as an inner handler
// does.
func (s *earlySite) teachInner(t *testing.T, v *visitor, path string) {
	t.Helper()
	clear := setInner(t, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, err := fmt.Fprint(w, wholePage)
		return err
	})
	defer clear()
	for range 3 {
		s.visit(t, v, path).rest(t)
	}
}

// A backend that cannot be reached: the page fails as a complete document, other
// pages are not committed until the backend is back, and a probe sees the truth.
func TestBackendDown(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "", "")
		v := newVisitor(t, "h1")
		for _, path := range []string{"/a", "/b"} {
			s.teach(t, v, path, wholePage)
		}
		for _, path := range []string{"/a", "/b"} {
			s.origin.Handle(path, testorigin.TakeOver(), testorigin.Close())
		}
		body, end := s.visit(t, v, "/a").rest(t)
		if end != cleanEnd || !strings.Contains(body, noIndexed) || !strings.HasSuffix(body, "</html>\n") {
			t.Errorf("%s, %q", end, unpad(body))
		}
		if r := s.visit(t, v, "/b"); r.Status != http.StatusBadGateway {
			t.Errorf("while the backend is down: %d", r.Status)
		}
		if r := v.send(t, newRequest(t, http.MethodGet, v.url(t, s.c, "site", "/a"), nil)); r.Status != http.StatusBadGateway {
			t.Errorf("a probe sees %d", r.Status)
		}
		if got := s.c.logs.access(t, 4, "/b")[3].field("headstart", "reason"); got != "paused" {
			t.Errorf("reason %v", got)
		}
		for _, path := range []string{"/a", "/b"} {
			s.origin.Handle(path, htmlPage(wholePage)...)
		}
		s.visit(t, v, "/a").rest(t)
		r, gate := s.early(t, v, "/b", htmlPage(wholePage))
		gate.Open()
		if body, end := r.rest(t); unpad(body) != wholePage || end != cleanEnd {
			t.Errorf("%s, %q", end, unpad(body))
		}
	})
}

// A visitor who leaves says nothing of the page.
func TestVisitorLeaves(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "encode gzip")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			path := "/" + v.protocol
			s.teach(t, v, path, wholePage)
			r, gate := s.early(t, v, path, htmlPage(wholePage))
			r.resp.Body.Close()
			entries := s.c.logs.access(t, 4, path) // the proxy notices without the backend
			gate.Open()
			if got := entries[3].field("headstart", "outcome"); got != "canceled" {
				t.Errorf("outcome %v", got)
			}
			r, gate = s.early(t, v, path, htmlPage(wholePage))
			gate.Open()
			if body, end := r.rest(t); unpad(body) != wholePage || end != cleanEnd {
				t.Errorf("%s, %q", end, unpad(body))
			}
		})
	})
}

// longHead is more than any first window.
var longHead = strings.Replace(pageHead, "<title>", strings.Repeat(`<link rel="alternate" href="/x">`, 1900)+"<title>", 1)

// A visitor who reads nothing does not keep the backend waiting.
func TestVisitorDoesNotRead(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		h2 := newVisitor(t, "h2")
		s.teach(t, h2, "/", longHead+pageRest)

		t.Run("h2", func(t *testing.T) {
			gate := testorigin.NewGate()
			s.origin.Handle("/", append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(longHead+pageRest)...)...)
			conn := dialFrames(t, s)
			conn.request(t, "/")
			await(t, "the request at the backend", gate.Arrived())
			gate.Open()
			conn.openWindows(t)
			if got := unpad(conn.body(t)); got != longHead+pageRest {
				t.Errorf("%d bytes, want %d", len(got), len(longHead+pageRest))
			}
		})
		t.Run("h3", func(t *testing.T) {
			gate := testorigin.NewGate()
			s.origin.Handle("/", append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(longHead+pageRest)...)...)
			tr := &http3.Transport{
				TLSClientConfig: anyCertificate(), DisableCompression: true,
				QUICConfig: &quic.Config{InitialStreamReceiveWindow: 2048, MaxStreamReceiveWindow: 4096},
			}
			t.Cleanup(func() { tr.Close() })
			resp, err := tr.RoundTrip(navigate(t, "https://"+s.c.addr(t, "site_tls")+"/"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			await(t, "the request at the backend", gate.Arrived())
			gate.Open()
			body, end := startStream(t, &recorder{from: resp.Body}, "", resp.Body.Close).rest(t)
			if unpad(body) != longHead+pageRest || end != cleanEnd {
				t.Errorf("%s, %d bytes", end, len(body))
			}
		})
	})
}

// frames is an HTTP/2 connection whose stream window starts at zero.
type frames struct {
	framer *http2.Framer
	block  strings.Builder
}

func dialFrames(t *testing.T, s *earlySite) *frames {
	t.Helper()
	config := anyCertificate()
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(bounded(t), "tcp", s.c.addr(t, "site_tls"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	f := &frames{framer: http2.NewFramer(conn, conn)}
	f.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := f.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *frames) request(t *testing.T, path string) {
	t.Helper()
	enc := hpack.NewEncoder(&f.block)
	write := func(name, value string) {
		if err := enc.WriteField(hpack.HeaderField{Name: name, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	for _, pseudo := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", host}, {":path", path}} {
		write(pseudo[0], pseudo[1])
	}
	for name, values := range browserHeader {
		if name != "Accept-Encoding" {
			write(strings.ToLower(name), values[0])
		}
	}
	err := f.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: []byte(f.block.String()), EndHeaders: true, EndStream: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *frames) openWindows(t *testing.T) {
	t.Helper()
	for _, id := range []uint32{0, 1} {
		if err := f.framer.WriteWindowUpdate(id, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
}

// body reads all of the response's body.
func (f *frames) body(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for {
		frame, err := f.framer.ReadFrame()
		if err != nil {
			t.Fatalf("after %d bytes: %v", b.Len(), err)
		}
		switch frame := frame.(type) {
		case *http2.DataFrame:
			b.Write(frame.Data())
			if frame.StreamEnded() {
				return b.String()
			}
		case *http2.RSTStreamFrame:
			t.Fatalf("after %d bytes: reset: %v", b.Len(), frame.ErrCode)
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				if err := f.framer.WriteSettingsAck(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A recovery is not kept open for ever, and ends in an abort that everybody can
// see.
func TestLingerEnds(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		t.Cleanup(module.SetMaxLinger(time.Millisecond))
		for _, outer := range []string{"", "encode gzip"} {
			s := startEarly(t, at, outer)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				for name, answer := range map[string][]testorigin.Step{
					"redirect": redirectTo("/elsewhere"),
					"cookie":   answers200("Set-Cookie", "a=b"),
					"document": htmlPage(ownErrorPage),
				} {
					path := "/" + v.protocol + name
					s.teach(t, v, path, wholePage)
					r, gate := s.early(t, v, path, answer)
					gate.Open()
					if _, end := r.rest(t); !end.aborted() {
						t.Errorf("%s: ended with %q", name, end)
					}
				}
			})
		}
	})
}
