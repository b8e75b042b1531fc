package module_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// claimSite has users whom Caddy knows by name, and believes what proxies say of
// addresses.
func claimSite(origin *testorigin.Origin) string {
	return reloadSite("site", `@basic header Authorization Basic*
	basic_auth @basic {
		bob $2a$04$4YZRVq8VVqJ2BqsEwLhrb.uEzsJPoBKWUgQYMlLLN9lrc2S./gqdi
	}`, "reverse_proxy "+origin.Addr())
}

// A ticket is for the one who was led away: not for another network scope, another
// login or another kind of visit, and it cannot be guessed from another one. Those
// who try get a plain page, and do not use it up.
func TestTicketIsForOneVisitor(t *testing.T) {
	origin := startOrigin(t)
	s := &earlySite{startCaddy(t, claimSite(origin), lessonProxies), origin, shell}
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		s.teach(t, v, path, wholePage)
		marker := s.parked(t, v, path, htmlPage(flashPage, "Set-Cookie", "a=b"))
		tickets := []string{marker}
		for i := range 4 { // of others, on pages of theirs
			other := fmt.Sprintf("%s/%d", path, i)
			s.teach(t, v, other, wholePage)
			tickets = append(tickets, s.parked(t, v, other, htmlPage(flashPage, "Set-Cookie", "c=d")))
		}
		for i, ticket := range tickets {
			for _, other := range tickets[:i] {
				if n := len(commonPrefix(ticket, other)) - strings.Index(ticket, ".") - 1; n > 10 {
					t.Errorf("the tickets %q and %q begin alike", ticket, other)
				}
			}
		}

		flip := marker[:len(marker)-1] + map[bool]string{true: "B", false: "A"}[strings.HasSuffix(marker, "A")]
		attempts := []struct {
			name   string
			change func(*http.Request)
			none   bool // the marker cookie is left out
		}{
			{name: "from another scope", change: from("203.0.113.9")},
			{name: "with a password", change: func(r *http.Request) { r.SetBasicAuth("bob", "hiccup") }},
			{name: "with a token", change: with("Authorization", "Bearer abc")},
			{name: "with a session", change: func(r *http.Request) { r.Header.Add("Cookie", "session=1") }},
			{name: "with the ticket of another page", change: with("Cookie", tickets[1])},
			{name: "with another letter", change: with("Cookie", flip)},
			{name: "with a letter less", change: with("Cookie", marker[:len(marker)-1])},
			{name: "with the ticket in a header", change: with("Headstart", marker), none: true},
			{name: "with the ticket in the query", change: func(r *http.Request) { r.URL.RawQuery = marker }, none: true},
			{name: "prefetched", change: with("Sec-Purpose", "prefetch")},
			{name: "a part of it", change: with("Range", "bytes=0-9")},
		}
		s.origin.Handle(path, htmlPage(secondAnswer)...)
		drain(t, origin)
		for _, a := range attempts {
			req := navigate(t, v.url(t, s.c, "site", path))
			if !a.none {
				req.Header.Set("Cookie", marker)
			}
			a.change(req)
			r := v.send(t, req)
			if body, end := r.rest(t); body != secondAnswer || end != cleanEnd || r.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d, %s, %q", a.name, r.Status, end, body)
			}
			if n := len(drain(t, origin)); n != 1 {
				t.Errorf("%s: the backend was asked %d times", a.name, n)
			}
		}

		// All at once: one gets it, all others a plain page.
		const crowd = 8
		replies := make(chan *reply, crowd)
		for range crowd {
			req := navigate(t, v.url(t, s.c, "site", path))
			req.Header.Set("Cookie", marker)
			go func() { replies <- v.send(t, req) }()
		}
		got := make(map[string]int)
		for range crowd {
			body, _ := await(t, "a reload", replies).rest(t)
			got[body]++
		}
		if got[flashPage] != 1 || got[secondAnswer] != crowd-1 {
			t.Errorf("of %d reloads at once, one should collect: %v", crowd, got)
		}
		if n := len(drain(t, origin)); n != crowd-1 {
			t.Errorf("the backend was asked %d times", n)
		}
	})
}

func commonPrefix(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// A marker cookie that somebody made up changes nothing for anybody: the page is
// the backend's own, it is still learned from it, and others still get it early.
func TestMadeUpMarker(t *testing.T) {
	origin := startOrigin(t)
	s := &earlySite{startCaddy(t, claimSite(origin), lessonProxies), origin, shell}
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path, name := "/"+v.protocol, markerName(v.protocol)
		s.teach(t, v, path, wholePage)
		s.visit(t, v, path).rest(t)
		for _, value := range []string{
			"reload.none", "reload." + strings.Repeat("A", 26), "reload." + strings.Repeat("Z", 64), "reload.{path}", "reload.%00", "reload.reload.none",
		} {
			for _, session := range []string{"", "session=1; "} {
				r := s.visit(t, v, path, "Cookie", session+name+"="+value)
				if body, end := r.rest(t); body != wholePage || end != cleanEnd {
					t.Errorf("%q: %d, %s, %q", value, r.Status, end, body)
				}
			}
		}
		for _, r := range drain(t, origin) {
			if strings.Contains(r.Header.Get("Cookie"), "reload.") {
				t.Errorf("the backend sees %q", r.Header.Get("Cookie"))
			}
		}
		r, gate := s.early(t, v, path, htmlPage(wholePage))
		gate.Open()
		r.rest(t)
	})
}
