package module_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// secondAnswer is what a backend says that is asked again: the flash message is
// gone.
const secondAnswer = doctype + "<title>No news</title>"

// flashPage is what a backend says once.
const flashPage = doctype + `<html><head><title>Saved</title></head><body>Your order was saved.</body></html>`

// marker reads recovery markup, and returns the cookie that its script sets, as
// the browser sends it back.
func (r *reply) marker(t *testing.T) (pair string) {
	t.Helper()
	text := r.readUntil(t, "</noscript>")
	_, rest, ok := strings.Cut(text, `({"cookie":`)
	var cookie string
	if !ok || json.NewDecoder(strings.NewReader(rest)).Decode(&cookie) != nil {
		t.Fatalf("no marker cookie in %q", text)
	}
	pair, _, _ = strings.Cut(cookie, ";")
	return pair
}

// parked lets a committed page have an answer that is parked, and returns the
// marker cookie; the visitor has left the page then. The backend answers all
// later requests otherwise.
func (s *earlySite) parked(t *testing.T, v *visitor, path string, answer []testorigin.Step, namesAndValues ...string) (marker string) {
	t.Helper()
	r, gate := s.early(t, v, path, answer, namesAndValues...)
	s.origin.Handle(path, htmlPage(secondAnswer)...)
	gate.Open()
	marker = r.marker(t)
	r.stillOpen(t)
	r.resp.Body.Close()
	return marker
}

// logged returns the entry of the nth visit to a path, from 1 on.
func (s *earlySite) logged(t *testing.T, n int, path string) logEntry {
	t.Helper()
	return s.c.logs.access(t, n, path)[n-1]
}

// teachers is how many visits teach a page.
const teachers = 3

// The reload gets exactly what the backend answered to the request that was
// committed, and the backend is asked once.
func TestReloadCollects(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		cookies := []string{"Set-Cookie", "b=2; Path=/; HttpOnly", "Set-Cookie", "a=1; Max-Age=60", "Set-Cookie", "b=3; Path=/x"}
		answers := map[string][]testorigin.Step{
			"flash":       htmlPage(flashPage, append(cookies, "X-Own", "1", "X-Own", "2", "Cache-Control", "no-store", "Etag", `"f"`)...),
			"length":      htmlPage(flashPage, append(cookies, "Content-Length", fmt.Sprint(len(flashPage)))...),
			"bytewise":    {testorigin.Header(http.StatusOK, htmlHeader(cookies)...), testorigin.Bytewise(flashPage)},
			"302":         redirectTo("/login?next=/a%20b", htmlHeader(cookies)...),
			"303-itself":  append(bare(http.StatusSeeOther, append(cookies, "Location", "?")...), testorigin.Write("")),
			"401":         withStatus(http.StatusUnauthorized, "Content-Type", "text/plain", "Www-Authenticate", `Basic realm="x"`),
			"404":         errorDoc(http.StatusNotFound, ownErrorPage),
			"204":         bare(http.StatusNoContent, cookies...),
			"another-doc": htmlPage(flashPage),
			"policy":      htmlPage(flashPage, "Content-Security-Policy", "default-src 'none'"),
			"download":    {testorigin.Header(http.StatusOK, "Content-Type", "text/csv", "Content-Disposition", "attachment"), testorigin.Write("a;b\n")},
			"coded":       {testorigin.Header(http.StatusOK, htmlHeader([]string{"Content-Encoding", "x-own"})...), testorigin.Write("\x00\xff")},
		}
		for _, outer := range []string{"", "encode gzip"} {
			t.Run("outer "+outer, func(t *testing.T) {
				s := startEarly(t, at, outer)
				eachProtocol(t, func(t *testing.T, v *visitor) {
					for _, name := range slices.Sorted(maps.Keys(answers)) {
						t.Run(name, func(t *testing.T) {
							path := "/" + v.protocol + "/" + name
							s.teach(t, v, path, wholePage)
							drain(t, s.origin)
							marker := s.parked(t, v, path, answers[name])
							s.logged(t, teachers+1, path) // the response is complete
							r := s.visit(t, v, path, "Cookie", marker)
							body, end := r.rest(t)
							if seen := drain(t, s.origin); len(seen) != 1 {
								t.Errorf("the backend was asked %d times", len(seen))
							}
							again := s.visit(t, v, path, "Cookie", marker)
							if text, _ := again.rest(t); text != secondAnswer {
								t.Errorf("the ticket works twice: %q", text)
							}
							if n := len(drain(t, s.origin)); n != 1 {
								t.Errorf("the second reload asked the backend %d times", n)
							}

							// A hard reload is not looked at: it gets the plain truth.
							s.origin.Handle(path, answers[name]...)
							plain := s.visit(t, v, path, "Cache-Control", "no-cache")
							page, wantEnd := plain.rest(t)
							if r.Status != plain.Status || body != page || end != wantEnd || end != cleanEnd {
								t.Errorf("the reload gets %d, %s, %q; want %d, %s, %q", r.Status, end, body, plain.Status, wantEnd, page)
							}
							want, got := headersOf(plain, name == "length"), headersOf(r, name == "length")
							if diff := cmp.Diff(want, got); diff != "" {
								t.Errorf("headers (-plain +collected):\n%s", diff)
							}
							log := s.logged(t, teachers+2, path)
							if log.field("headstart", "level") != "none" || log.field("headstart", "reason") != "collected" ||
								log.field("headstart", "outcome") != nil || log["status"] != float64(r.Status) {
								t.Errorf("the access log has status %v, %v", log["status"], log["headstart"])
							}
						})
					}
				})
			})
		}
	})
}

// headersOf gives the headers of a response without what differs by itself: the
// date, and the length, which servers add where they know it by chance.
func headersOf(r *reply, declared bool) http.Header {
	h := r.Header.Clone()
	h.Del("Date")
	if !declared || h.Get("Content-Encoding") != "" {
		h.Del("Content-Length")
	}
	return h
}

// The reload does not wait for the backend's last byte, and does not need the
// first visitor's connection.
func TestReloadStreams(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		for _, outer := range []string{"", "encode gzip"} {
			t.Run("outer "+outer, func(t *testing.T) {
				s := startEarly(t, at, outer)
				eachProtocol(t, func(t *testing.T, first *visitor) {
					path := "/" + first.protocol
					s.teach(t, first, path, wholePage)
					for range teachers { // returning visitors have to prove it, too
						s.visit(t, first, path, "Cookie", "x=y").rest(t)
					}
					begin, end := strings.Repeat("one ", 500), "two"
					drain(t, s.origin)
					second := testorigin.NewGate()
					marker := s.parked(t, first, path, []testorigin.Step{
						testorigin.Header(http.StatusAccepted, htmlHeader([]string{"Set-Cookie", "a=b"})...),
						testorigin.Write(begin), testorigin.Wait(second), testorigin.Write(end),
					}, "Cookie", "x=y")
					await(t, "the second part", second.Arrived())
					first.transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()

					r := s.visit(t, newVisitor(t, first.protocol), path, "Cookie", "x=y; "+marker)
					if r.Status != http.StatusAccepted || r.Header.Get("Set-Cookie") != "a=b" {
						t.Errorf("%d, %v", r.Status, r.Header)
					}
					r.readUntil(t, begin)
					r.stillOpen(t)
					second.Open()
					if body, how := r.rest(t); body != begin+end || how != cleanEnd {
						t.Errorf("%s, %q", how, body)
					}
					if seen := drain(t, s.origin); len(seen) != 1 || seen[0].Err != nil {
						t.Errorf("the backend saw %+v", seen)
					}
				})
			})
		}
	})
}

// A collector who leaves ends the backend's request.
func TestCollectorLeaves(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			path := "/" + v.protocol
			s.teach(t, v, path, wholePage)
			drain(t, s.origin)
			marker := s.parked(t, v, path, append(answers200("Set-Cookie", "a=b"), testorigin.Hang()))
			r := s.visit(t, v, path, "Cookie", marker)
			r.readUntil(t, wholePage)
			r.stillOpen(t)
			r.resp.Body.Close()
			if seen := drain(t, s.origin); len(seen) != 1 { // which waits for the end of Hang
				t.Errorf("the backend saw %d requests", len(seen))
			}
		})
	})
}

// A response that breaks off is aborted for its collector, too, who has all that
// came before.
func TestParkedBreaksOff(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		for _, outer := range []string{"", "encode gzip"} {
			s := startEarly(t, at, outer)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				for name, last := range map[string]testorigin.Step{"close": testorigin.Close(), "reset": testorigin.Abort()} {
					path := "/" + v.protocol + "/" + name
					s.teach(t, v, path, wholePage)
					cut := testorigin.NewGate()
					marker := s.parked(t, v, path, append(answers200("Set-Cookie", "a=b", "Content-Length", "9999"), testorigin.Wait(cut), last))
					r := s.visit(t, v, path, "Cookie", marker)
					r.readUntil(t, wholePage)
					cut.Open()
					if body, end := r.rest(t); body != wholePage || !end.aborted() {
						t.Errorf("%s: %s, %q", name, end, body)
					}
				}
			})
		}
	})
}

// A response that broke off, or was too large, before the first visitor has read
// the markup: it leads to the reload all the same.
func TestParkedEndsBeforeTheReload(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		ends := map[string]struct {
			last   testorigin.Step
			reason string // of the reload
		}{
			"short":     {testorigin.Close(), "collected"},
			"too-large": {testorigin.Stream(func() io.Reader { return endless{} }), "marked"},
		}
		for _, outer := range []string{"", "encode gzip"} {
			s := startEarly(t, at, outer)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				for name, test := range ends {
					t.Run(name, func(t *testing.T) {
						path := "/" + v.protocol + "/" + name
						s.teach(t, v, path, wholePage)
						drain(t, s.origin)
						r, gate := s.early(t, v, path, append(answers200("Set-Cookie", "a=b"), test.last))
						s.origin.Handle(path, htmlPage(secondAnswer)...)
						gate.Open()
						marker := r.marker(t)
						r.stillOpen(t)
						if seen := drain(t, s.origin); len(seen) != 1 || name == "too-large" && seen[0].Err == nil {
							t.Errorf("the backend's request did not end: %+v", seen)
						}
						r.resp.Body.Close()
						s.logged(t, teachers+1, path)
						r = s.visit(t, v, path, "Cookie", marker)
						body, end := r.rest(t)
						if log := s.logged(t, teachers+2, path); log.field("headstart", "reason") != test.reason {
							t.Fatalf("%v", log["headstart"])
						}
						switch {
						case test.reason == "marked" && (body != secondAnswer || end != cleanEnd),
							test.reason == "collected" && (!strings.HasPrefix(wholePage, body) || !end.aborted()):
							t.Errorf("the reload gets %s, %q", end, body)
						}
					})
				}
			})
		}
	})
}

// What is collected may be larger than what is kept for nobody.
func TestCollectLarge(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		const size = 3 << 20
		s := startEarly(t, at, "")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			path := "/" + v.protocol
			s.teach(t, v, path, wholePage)
			more := testorigin.NewGate()
			marker := s.parked(t, v, path, []testorigin.Step{
				testorigin.Header(http.StatusOK, htmlHeader([]string{"Set-Cookie", "a=b"})...),
				testorigin.Wait(more), testorigin.Stream(func() io.Reader { return io.LimitReader(endless{}, size) }),
			})
			r := s.visit(t, v, path, "Cookie", marker)
			more.Open()
			if body, end := r.rest(t); len(body) != size || end != cleanEnd {
				t.Errorf("%s after %d bytes", end, len(body))
			}
		})
	})
}

// endless is a document without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Wherever the stream begins to differ, and however it was cut: what is collected
// is the backend's page to the byte, with its own nonces and headers.
func TestParkedIsWhole(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		page := func(nonce, script string) string {
			whole := doctype + `<html lang="en"><head><meta charset="utf-8"><link rel="stylesheet" href="/a.css">` +
				`<meta name="csrf" content="` + nonce + `"><script nonce="` + nonce + `">one()</script>` +
				`<script nonce="` + nonce + `">` + script + `</script><title>A page</title></head><body>` + nonce + `</body></html>`
			return strings.ReplaceAll(whole, ` nonce=""`, "")
		}
		for _, under := range []string{"", "script-src 'nonce-%s'"} {
			s := startEarly(t, at, "")
			v := newVisitor(t, "h1")
			header := func(nonce string) []string {
				if under == "" {
					return []string{"X-Token", "same"}
				}
				return []string{"Content-Security-Policy", fmt.Sprintf(under, nonce)}
			}
			nonces := 0
			fresh := func() string {
				nonces++
				if under == "" {
					return ""
				}
				return fmt.Sprintf("abcd+/%014d==", nonces)
			}
			// An item that nobody expected comes before the scripts that differ. It is
			// emitted if it comes in an earlier chunk; behind a body it waits for the end
			// of the head.
			const unexpected = `<meta name="description" content="new">`
			differs := func(nonce string) string {
				return strings.Replace(page(nonce, "another()"), "<meta name", unexpected+"<meta name", 1)
			}
			whole, emitted := len(differs(fresh())), 0
			for cut := 0; cut < whole; cut += 5 {
				path := fmt.Sprint("/", cut)
				for range teachers {
					nonce := fresh()
					s.origin.Handle(path, htmlPage(page(nonce, "two("+path+")"), header(nonce)...)...)
					s.visit(t, v, path).rest(t)
				}
				nonce := fresh()
				answer := differs(nonce)
				gate := testorigin.NewGate()
				s.origin.Handle(path, testorigin.Header(http.StatusOK, htmlHeader(append(header(nonce), "X-Request-Id", "7"))...),
					testorigin.Write(answer[:cut]), testorigin.Wait(gate), testorigin.Write(answer[cut:]))
				r := s.visit(t, v, path)
				await(t, "the second part", gate.Arrived())
				if at == head && cut > strings.Index(answer, `<meta name="csrf"`)+8 && cut < strings.Index(answer, "another()") {
					r.readUntil(t, unexpected)
					emitted++
				}
				gate.Open()
				marker := r.marker(t)
				if text, _ := r.soFar(); nonce != "" && strings.Contains(text, nonce) {
					t.Fatalf("cut at %d: the first visitor has %q", cut, text)
				}
				r.resp.Body.Close()
				r = s.visit(t, v, path, "Cookie", marker)
				body, end := r.rest(t)
				if body != answer || end != cleanEnd || r.Header.Get("X-Request-Id") != "7" || r.Header.Get(header(nonce)[0]) != header(nonce)[1] {
					t.Fatalf("cut at %d: %s, %v\n%s", cut, end, r.Header, cmp.Diff(answer, body))
				}
			}
			if at == head && emitted == 0 {
				t.Error("no cut was between the item emitted and the difference")
			}
		}
	})
}
