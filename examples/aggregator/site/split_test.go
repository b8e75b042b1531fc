package site_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/examples/aggregator/feeds"
	"github.com/headstart-proxy/headstart/examples/aggregator/site"
)

// The first part can be read while all feeds are held back, and with the second it is
// the index.
func TestSplit(t *testing.T) {
	opened := make(chan struct{})
	server, err := feeds.New(feeds.Options{Wait: func(ctx context.Context, _ time.Duration) error {
		select {
		case <-opened:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := site.Options{Client: &http.Client{Transport: inProcess{server}}, Logger: slog.New(slog.DiscardHandler)}
	for _, path := range feeds.Paths() {
		o.Feeds = append(o.Feeds, "http://feeds.example.org"+path)
	}
	handler, err := site.New(o)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)

	response := get(t, web.URL+site.SplitPath)
	body := bufio.NewReader(response.Body)
	var page strings.Builder
	for !strings.Contains(page.String(), "data-entry-filter") {
		line, err := body.ReadString('\n')
		if err != nil {
			t.Fatalf("%v behind\n%s", err, page.String())
		}
		page.WriteString(line)
	}
	for _, part := range []string{"<title>", "</head>", `class="masthead`, "<h1"} {
		if !strings.Contains(page.String(), part) {
			t.Errorf("no %s in the first part:\n%s", part, page.String())
		}
	}
	close(opened)
	if _, err := io.Copy(&page, body); err != nil {
		t.Fatal(err)
	}

	whole := get(t, web.URL+"/")
	want, err := io.ReadAll(whole.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), page.String()); diff != "" {
		t.Errorf("the page (-index +split):\n%s", diff)
	}
	for _, h := range []http.Header{whole.Header, response.Header} {
		h.Del("Date")
	}
	whole.Header.Del("Content-Length") // not known when the first part is sent
	if diff := cmp.Diff(whole.Header, response.Header); diff != "" {
		t.Errorf("the header (-index +split):\n%s", diff)
	}
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}
