package site

import (
	"cmp"
	"context"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mmcdole/gofeed"
)

const (
	// fetchedAtOnce is a usual compromise: faster than one by one, and polite
	// to hosts that serve several of the feeds.
	fetchedAtOnce = 4

	// maxFeedSize bounds one feed document.
	maxFeedSize = 4 << 20
)

// planet is everything that a page may show, read for that page alone.
type planet struct {
	Feeds   []*feed
	Entries []*entry // of all feeds, newest first
}

// feed is one subscription. Without entries it could not be read.
type feed struct {
	Slug    string
	Title   string
	Tagline string
	Link    string // of the web site behind it
	Entries []*entry
}

type entry struct {
	Slug       string
	Title      string
	Author     string
	Link       string
	Published  time.Time
	Paragraphs []string
	Feed       *feed
}

// Summary is the first paragraph.
func (e *entry) Summary() string {
	if len(e.Paragraphs) == 0 {
		return ""
	}
	return e.Paragraphs[0]
}

// load reads all the feeds. A feed that fails is listed without entries, as
// one broken feed must not take the planet down.
func (s *site) load(ctx context.Context) *planet {
	feeds := make([]*feed, len(s.subscriptions))
	slots := make(chan struct{}, fetchedAtOnce)
	var fetches sync.WaitGroup
	for i, sub := range s.subscriptions {
		slots <- struct{}{}
		fetches.Go(func() {
			defer func() { <-slots }()
			feeds[i] = s.fetch(ctx, sub)
		})
	}
	fetches.Wait()
	return newPlanet(feeds)
}

func (s *site) fetch(ctx context.Context, sub subscription) *feed {
	parser := gofeed.NewParser()
	parser.Client = s.Client
	parser.MaxByteSize = maxFeedSize
	source, err := parser.ParseURLWithContext(sub.url, ctx)
	if err != nil {
		if ctx.Err() == nil { // else the visitor has left
			s.Logger.Warn("feed is not shown", slog.String("url", sub.url), slog.Any("error", err))
		}
		return &feed{Slug: sub.slug, Title: sub.slug}
	}
	return newFeed(sub.slug, source)
}

// newFeed takes over what the pages show of source, as plain text: markup from
// elsewhere never reaches them.
func newFeed(slug string, source *gofeed.Feed) *feed {
	f := &feed{Slug: slug, Title: source.Title, Tagline: source.Description, Link: source.Link}
	for _, item := range source.Items {
		e := &entry{
			Slug:       path.Base(strings.TrimRight(item.Link, "/")),
			Title:      item.Title,
			Author:     author(item.Authors, source.Authors),
			Link:       item.Link,
			Paragraphs: paragraphs(cmp.Or(item.Content, item.Description)),
			Feed:       f,
		}
		if date := cmp.Or(item.PublishedParsed, item.UpdatedParsed); date != nil {
			e.Published = date.UTC()
		}
		f.Entries = append(f.Entries, e)
	}
	return f
}

// author is the name of the first author there is.
func author(lists ...[]*gofeed.Person) string {
	for _, people := range lists {
		for _, p := range people {
			if p.Name != "" {
				return p.Name
			}
		}
	}
	return ""
}

// newPlanet joins the entries of feeds and gives each a slug of its own.
func newPlanet(feeds []*feed) *planet {
	p := &planet{Feeds: feeds}
	taken := make(map[string]bool)
	for _, f := range feeds {
		for _, e := range f.Entries {
			if taken[e.Slug] {
				e.Slug = f.Slug + "-" + e.Slug
			}
			taken[e.Slug] = true
		}
		p.Entries = append(p.Entries, f.Entries...)
	}
	slices.SortStableFunc(p.Entries, func(a, b *entry) int {
		return b.Published.Compare(a.Published)
	})
	return p
}

func (p *planet) feed(slug string) *feed {
	for _, f := range p.Feeds {
		if f.Slug == slug {
			return f
		}
	}
	return nil
}

func (p *planet) entry(slug string) *entry {
	for _, e := range p.Entries {
		if e.Slug == slug {
			return e
		}
	}
	return nil
}
