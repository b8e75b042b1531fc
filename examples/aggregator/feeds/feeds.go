// Package feeds is a server of invented RSS and Atom feeds that answer as
// slowly as feeds on the web do. Each has a latency of its own.
package feeds

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Options set up the server.
type Options struct {
	// Delay is how long it takes to read all the feeds, four at a time in the
	// order of Paths. Each feed's latency is a fixed share of it. Default: 0,
	// every feed answers at once.
	Delay time.Duration

	// Wait is called before a feed is sent, with the request's context and the
	// feed's latency; the feed is not sent if it returns an error. Tests put a
	// gate here. Default: sleep for that long, or until the context is done.
	Wait func(context.Context, time.Duration) error
}

// Paths lists the feeds by URL path, in the order in which the latencies are
// meant to be waited for.
func Paths() []string {
	paths := make([]string, len(blogs))
	for i, b := range blogs {
		paths[i] = b.path()
	}
	return paths
}

// New returns the server. The feeds are rendered here, once: a request costs
// its latency and nothing else.
func New(o Options) (http.Handler, error) {
	if o.Wait == nil {
		o.Wait = sleep
	}
	mux := http.NewServeMux()
	for i, b := range blogs {
		document, err := b.render(i)
		if err != nil {
			return nil, fmt.Errorf("rendering feed %s: %w", b.slug, err)
		}
		latency := o.Delay * time.Duration(b.share) / 1000
		mux.HandleFunc("GET "+b.path(), func(w http.ResponseWriter, r *http.Request) {
			if o.Wait(r.Context(), latency) != nil {
				return // the reader has left
			}
			w.Header().Set("Content-Type", "application/"+string(b.format)+"+xml; charset=utf-8")
			_, _ = w.Write(document)
		})
	}
	return mux, nil
}

// sleep waits for d, or returns the error of ctx if that is done earlier.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b blog) path() string {
	return "/" + b.slug + "." + string(b.format)
}

// link is where the blog, or an entry of it, would live on the web.
func (b blog) link(elements ...string) string {
	return "https://" + b.slug + ".example.org/" + strings.Join(elements, "/")
}

// slug makes a URL path element of a title.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '\''
	})
	return strings.ReplaceAll(strings.Join(words, "-"), "'", "")
}
