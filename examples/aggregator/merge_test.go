package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var nonceInPage = regexp.MustCompile(` nonce="([^"]+)"`)

// Heads that differ on every response are joined: the stylesheet is there while
// the feeds are still being fetched, and the id, or the nonce, is the response's
// own.
func TestHeadsThatDiffer(t *testing.T) {
	tests := []struct {
		name, path string
		nonce      bool
		late       string // comes with the answer
	}{
		{"an id before the stylesheet", "/ever-changing", false, `<meta name="request-id"`},
		{"a nonce", "/", true, "</head>"},
		{"both", "/ever-changing", true, `<meta name="request-id"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := new(gate)
			d := startTestDemo(t, config{wait: g.wait, cspNonce: test.nonce})
			for protocol, client := range d.clients(t) {
				url := d.headstart() + test.path
				if protocol != "h1.1" {
					url = d.headstartTLS() + test.path
				}
				for range 3 {
					visit(t, client, url)
					<-d.entries
				}
				reached := g.close()
				response, err := navigate(t.Context(), client, url)
				if err != nil {
					t.Fatal(err)
				}
				early := readTo(t, response.Body, "/assets/site.", ">")
				if strings.Contains(early, test.late) {
					t.Errorf("%s: %s came early", protocol, test.late)
				}
				<-reached
				g.open()
				rest, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				checkMerged(t, protocol+" "+test.name, response.Header, early+string(rest), test.nonce, test.late)
				level := map[bool]string{false: "shell", true: "head"}[test.path == "/ever-changing"]
				if e := <-d.entries; e.Headstart == nil || e.Headstart.Level != level || e.Headstart.Outcome != "merged" {
					t.Errorf("%s: %+v", protocol, e.Headstart)
				}
			}
		})
	}
}

func checkMerged(t *testing.T, name string, header http.Header, page string, nonce bool, late string) {
	t.Helper()
	for _, once := range []string{late, "/assets/site.", "/assets/theme.", "/assets/reader.", "<title>", "</html>"} {
		if n := strings.Count(page, once); n != 1 {
			t.Errorf("%s: %d times %q", name, n, once)
		}
	}
	nonces := nonceInPage.FindAllStringSubmatch(page, -1)
	if want := map[bool]int{false: 0, true: 2}[nonce]; len(nonces) != want {
		t.Fatalf("%s: %d nonces, want %d", name, len(nonces), want)
	}
	for _, n := range nonces {
		if !strings.Contains(header.Get("Content-Security-Policy"), "'nonce-"+n[1]+"'") {
			t.Errorf("%s: nonce %s under %s", name, n[1], header.Get("Content-Security-Policy"))
		}
	}
}

// readTo reads to the end of the tag in which mark stands: to the next end.
func readTo(t *testing.T, body io.Reader, mark, end string) string {
	t.Helper()
	var b strings.Builder
	buf := make([]byte, 1)
	for !strings.Contains(b.String(), mark) || !strings.HasSuffix(b.String(), end) {
		if _, err := io.ReadFull(body, buf); err != nil {
			t.Fatalf("%v after %q", err, b.String())
		}
		b.Write(buf)
	}
	return b.String()
}
