package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// What the demo is for: the learned head is there while the feeds are still
// being fetched, and in the end the page is the site's own.
func TestHeadComesBeforeTheFeeds(t *testing.T) {
	g := new(gate)
	d := startTestDemo(t, config{wait: g.wait})
	for protocol, client := range d.clients(t) {
		for _, path := range []string{"/", "/feeds/night-bus"} {
			t.Run(protocol+" "+path, func(t *testing.T) {
				url := d.headstart() + path
				if protocol != "h1.1" {
					url = d.headstartTLS() + path
				}
				var page string
				for range 3 {
					_, page = visit(t, client, url)
					<-d.entries
				}
				page = unpadded(page)
				head, _, _ := strings.Cut(page, "</head>")
				if !strings.Contains(head, "/assets/site.") || !strings.Contains(head, "<title>") {
					t.Fatalf("the page's head is %q", head)
				}

				reached := g.close()
				response, err := navigate(t.Context(), client, url)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d", response.StatusCode)
				}
				early := readHead(t, response.Body)
				if got := unpadded(early); got != head {
					t.Errorf("early came %q, want %q", got, head)
				}
				<-reached
				g.open()
				rest, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				if unpadded(early+string(rest)) != page {
					t.Error("the whole is another page")
				}
				if e := <-d.entries; e.Headstart == nil || e.Headstart.Level != "head" || e.Headstart.Outcome != "exact" {
					t.Errorf("%+v", e.Headstart)
				}
			})
		}
	}
}

// readHead reads to the last element of the site's head.
func readHead(t *testing.T, body io.Reader) string {
	t.Helper()
	return readTo(t, body, `<meta property="og:url"`, ">\n")
}
