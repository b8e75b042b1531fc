package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// What the demo is for: the learned head is there while the feeds are still
// being fetched, and in the end the page is the site's own.
func TestPageComesBeforeTheFeeds(t *testing.T) {
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
				known, _, _ := strings.Cut(page, "\n</body>")
				if !strings.Contains(known, "/assets/site.") || !strings.Contains(known, "</footer>") {
					t.Fatalf("the page is %q", known)
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
				early := readTo(t, response.Body, known[len(known)-len("</p>\n</footer>"):], ">")
				if got := unpadded(early); got != known {
					t.Errorf("early came %q, want %q", got, known)
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
				if e := <-d.entries; e.Headstart == nil || e.Headstart.Level != "shell" || e.Headstart.Outcome != "exact" {
					t.Errorf("%+v", e.Headstart)
				}
			})
		}
	}
}
