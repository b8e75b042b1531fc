package feeds

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mmcdole/gofeed"
)

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestEveryFeedParses(t *testing.T) {
	server, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]int)
	links := make(map[string]bool)
	dates := make(map[time.Time]bool)
	for i, path := range Paths() {
		feed, err := gofeed.NewParser().Parse(get(server, path).Body)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		kinds[feed.FeedType]++
		if feed.Title != blogs[i].title || feed.Description != blogs[i].tagline {
			t.Errorf("%s: got title %q, description %q", path, feed.Title, feed.Description)
		}
		if len(feed.Authors) != 1 || feed.Authors[0].Name != blogs[i].author {
			t.Errorf("%s: authors %v, want %s", path, feed.Authors, blogs[i].author)
		}
		for _, item := range feed.Items {
			if item.PublishedParsed == nil || dates[item.PublishedParsed.UTC()] {
				t.Errorf("%s: date %q is missing or not unique", path, item.Published)
				continue
			}
			if links[item.Link] {
				t.Errorf("%s: link %s is not unique", path, item.Link)
			}
			if strings.Count(item.Content, "<p>") != paragraphs {
				t.Errorf("%s: content of %q is %q", path, item.Title, item.Content)
			}
			dates[item.PublishedParsed.UTC()], links[item.Link] = true, true
		}
	}
	if kinds["rss"] < 6 || kinds["atom"] < 6 || len(links) < 60 {
		t.Errorf("kinds %v, %d entries; want 6 or more of each kind and 60 entries", kinds, len(links))
	}
	if w := get(server, "/nothing.rss"); w.Code != http.StatusNotFound {
		t.Errorf("unknown feed: status %d, want 404", w.Code)
	}
}

func TestWaitsBeforeTheFeedIsSent(t *testing.T) {
	var waited []time.Duration
	gone := errors.New("gone")
	server, err := New(Options{
		Delay: 2 * time.Second,
		Wait: func(_ context.Context, d time.Duration) error {
			waited = append(waited, d)
			return gone
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := get(server, Paths()[0])
	if len(waited) != 1 || waited[0] != time.Second {
		t.Errorf("waited %v, want half of the delay once", waited)
	}
	if w.Body.Len() != 0 {
		t.Errorf("sent %d bytes although the wait failed", w.Body.Len())
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if err := sleep(ctx, 0); err != nil {
		t.Errorf("error %v for no wait at all, want none", err)
	}
}

func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"The heron's hours": "the-herons-hours",
		"Week one: knots":   "week-one-knots",
		"A comet, maybe":    "a-comet-maybe",
	} {
		if got := slug(title); got != want {
			t.Errorf("slug(%q) = %q, want %q", title, got, want)
		}
	}
}
