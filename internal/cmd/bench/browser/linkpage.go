package browser

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// linkPageText has the link, and tells for how long it was there after the click.
var linkPageText = template.Must(template.New("start").Parse(`<!doctype html><html lang="en"><title>Start</title><link rel="icon" href="data:,">
<p><a href="{{.}}">The page</a></p><script>
let clicked;
addEventListener("click", () => clicked = performance.now());
addEventListener("pagehide", () => navigator.sendBeacon("", performance.now() - clicked));
</script>`))

// A linkPage is a site of one page, with a link that leads away. It is another site
// than those that are measured: a browser that shows a page of theirs may have a
// connection to them.
type linkPage struct {
	server *http.Server
	origin string
	told   chan float64 // how long the old page was there after the click, in ms

	mu sync.Mutex
	to string // where the link leads
}

func startLinkPage() (*linkPage, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s := &linkPage{origin: "http://" + l.Addr().String() + "/", told: make(chan float64, 1)}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: Patience}
	go func() { _ = s.server.Serve(l) }() // until it is closed
	return s, nil
}

func (s *linkPage) close() { _ = s.server.Close() }

// lead sets where the link leads, and forgets what was told of another visit.
func (s *linkPage) lead(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
	select {
	case <-s.told:
	default:
	}
}

func (s *linkPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodPost:
		body := make([]byte, 32)
		n, _ := r.Body.Read(body)
		if ms, err := strconv.ParseFloat(string(body[:n]), 64); err == nil {
			select {
			case s.told <- ms:
			default: // nobody asked
			}
		}
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = linkPageText.Execute(w, s.to)
	}
}

// await returns how many milliseconds after the click the page was hidden.
func (s *linkPage) await(ctx context.Context) (float64, error) {
	select {
	case ms := <-s.told:
		return ms, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(Patience):
		return 0, errors.New("the page with the link was not hidden")
	}
}
