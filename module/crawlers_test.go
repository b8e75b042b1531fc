package module_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asCrawler is a crawler's request: two headers, and no fetch metadata.
func asCrawler(agent string) lessonDress {
	return func(r *http.Request) { r.Header = http.Header{"User-Agent": {agent}, "Accept": {"*/*"}} }
}

var (
	googlebot = asCrawler("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
	gptbot    = asCrawler("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)")
	fooBot    = asCrawler("FooBot/1.0")
)

// crawl lets crawlers, listed and not, load a page: Googlebot teaches it, and gets
// it early once, at a level of their own.
func crawl(t *testing.T, l *lesson, path string, at level) {
	t.Helper()
	v := newVisitor(t, "h1")
	l.serve(path, lessonHTML(lessonPage))
	for range lessonVisits {
		l.plain(t, v, "site", path, lessonPage, "not_learned", googlebot)
	}
	r, gate := l.held(t, v, "site", path, googlebot)
	gate.Open()
	browsers := l.level
	defer func() { l.level = browsers }()
	l.level = at
	l.whole(t, path, r)
	l.plain(t, v, "site", path, lessonPage, "not_navigation", fooBot)
}

// TestCrawlerMetrics checks who is counted as what.
func TestCrawlerMetrics(t *testing.T) {
	origin := startOrigin(t)
	l := startLesson(t, origin, reloadSite("site", "", "reverse_proxy "+origin.Addr()))
	before := l.metrics(t)
	crawl(t, l, "/", head)
	l.visit(t, newVisitor(t, "h1"), "site", "/", gptbot)
	l.visit(t, newVisitor(t, "h1"), "site", "/")
	after := l.metrics(t)
	want := map[string]float64{
		`caddy_headstart_crawler_requests_total{family="googlebot",level="none"}`:          lessonVisits,
		`caddy_headstart_crawler_requests_total{family="googlebot",level="head"}`:          1,
		`caddy_headstart_crawler_requests_total{family="gptbot",level="head"}`:             1, // one audience, one record
		`caddy_headstart_crawler_requests_total{family="other",level="none"}`:              1,
		`caddy_headstart_crawler_early_ttfb_seconds_count{family="googlebot"}`:             1,
		`caddy_headstart_crawler_early_ttfb_seconds_count{family="gptbot"}`:                1,
		`caddy_headstart_crawler_backend_ttfb_seconds_count{family="googlebot"}`:           lessonVisits + 1,
		`caddy_headstart_crawler_backend_ttfb_seconds_count{family="gptbot"}`:              1,
		`caddy_headstart_requests_total{audience="",level="none",reason="not_navigation"}`: 1,
	}
	got := make(map[string]float64)
	for series := range want {
		got[series] = after[series] - before[series]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not as expected (-want +got):\n%s", diff)
	}
	if series := `caddy_headstart_crawler_backend_ttfb_seconds_count{family="other"}`; after[series] != 0 {
		t.Errorf("%s is %v", series, after[series])
	}
}

// TestCrawlersOption checks who gets what with each value of the option.
func TestCrawlersOption(t *testing.T) {
	for option, at := range map[string]level{"": head, "crawlers head": head, "crawlers shell": shell, "flush head\ncrawlers shell": head} {
		t.Run("commit with "+option, func(t *testing.T) {
			crawl(t, keysSite(t, option), "/", at)
		})
	}
	t.Run("crawlers off", func(t *testing.T) {
		l := keysSite(t, "crawlers off")
		v := newVisitor(t, "h1")
		l.serve("/", lessonHTML(lessonPage))
		for range 2 * lessonVisits {
			x := l.plain(t, v, "site", "/", lessonPage, "crawlers_off", googlebot)
			if x.headstart("audience") != "crawler" || x.headstart("crawler") != "googlebot" || x.headstart("backend_status") != 200.0 {
				t.Errorf("the log says %v", x.log.field("headstart"))
			}
		}
		if n := l.metrics(t)["caddy_headstart_openings"]; n != 1 {
			t.Errorf("they have taught %v pages", n)
		}
		for range lessonVisits {
			l.plain(t, v, "site", "/", lessonPage, "not_learned")
		}
		l.early(t, v, "site", "/")
		l.plain(t, v, "site", "/", lessonPage, "crawlers_off", googlebot)
	})
}
