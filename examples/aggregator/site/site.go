// Package site is a planet: a web site that shows the latest entries of many
// feeds. It is slow for an honest reason: it keeps nothing, and reads and
// parses every feed again for each page.
//
// Pages:
//
//	/                 the latest entries of all feeds
//	/split            the same page, sent in two parts; see split.go
//	/feeds/<slug>     one feed
//	/entries/<slug>   one entry
//	/login            a form with a CSRF token; sets the session cookie
//	/logout           POST only
//	/settings         302 to /login unless signed in
//	/ever-changing    a random entry; the head differs on each request
//	/broken           500
//	anything else     404
package site

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// feedTimeout ends the wait for one feed; the page is then shown without it.
const feedTimeout = time.Minute

// Options set up the site.
type Options struct {
	// Feeds are the URLs of the feeds, in the order in which they are listed
	// and fetched. The last path element without its extension names the feed
	// in the site's own URLs.
	Feeds []string

	// CSPNonce sends a Content-Security-Policy with every page that allows
	// scripts by a nonce, a new one for each response. Default: no policy.
	CSPNonce bool

	// Client fetches the feeds. Default: one with its own connections, which
	// gives up on a feed after a minute.
	Client *http.Client

	// Logger gets a warning for each feed that cannot be read. Default:
	// slog.Default().
	Logger *slog.Logger
}

// site is the handler that New returns.
type site struct {
	Options
	subscriptions []subscription
	sessions      sessionKey
	assets        assets
	templates     templates
}

// subscription is one of Options.Feeds with the slug taken from it.
type subscription struct{ slug, url string }

// New returns the site as a handler. It fails if two feeds have the same slug
// or one has none.
func New(o Options) (http.Handler, error) {
	if o.Client == nil {
		o.Client = &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: 8 * fetchedAtOnce},
			Timeout:   feedTimeout,
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	subscriptions, err := subscribe(o.Feeds)
	if err != nil {
		return nil, err
	}
	files, err := loadAssets()
	if err != nil {
		return nil, err
	}
	pages, err := parseTemplates(files)
	if err != nil {
		return nil, err
	}
	s := &site{
		Options:       o,
		subscriptions: subscriptions,
		sessions:      newSessionKey(),
		assets:        files,
		templates:     pages,
	}
	return s.routes(), nil
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+assetPrefix, s.assets)
	mux.HandleFunc("GET /{$}", s.page(s.index))
	mux.HandleFunc("GET "+SplitPath, s.split)
	mux.HandleFunc("GET /feeds/{slug}", s.page(s.feed))
	mux.HandleFunc("GET /entries/{slug}", s.page(s.entry))
	mux.HandleFunc("GET /login", s.page(s.loginForm))
	mux.HandleFunc("GET /settings", s.page(s.settings))
	mux.HandleFunc("GET /ever-changing", s.page(s.everChanging))
	mux.HandleFunc("GET /broken", s.page(s.broken))
	mux.HandleFunc("POST /login", s.page(s.login))
	mux.HandleFunc("POST /logout", s.page(s.logout))
	mux.HandleFunc("/", s.page(s.notFound))
	return mux
}

// subscribe takes the slugs from the URLs of the feeds.
func subscribe(feeds []string) ([]subscription, error) {
	var subscriptions []subscription
	seen := make(map[string]bool)
	for _, feed := range feeds {
		u, err := url.Parse(feed)
		if err != nil {
			return nil, fmt.Errorf("feed: %w", err)
		}
		slug := strings.TrimSuffix(path.Base(u.Path), path.Ext(u.Path))
		if slug == "" || slug == "." || slug == "/" {
			return nil, fmt.Errorf("feed %s: no file name in the URL to name it by", feed)
		}
		if seen[slug] {
			return nil, fmt.Errorf("feed %s: another feed is named %q, too", feed, slug)
		}
		seen[slug] = true
		subscriptions = append(subscriptions, subscription{slug, feed})
	}
	return subscriptions, nil
}
