package site_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headstart-proxy/headstart/examples/aggregator/feeds"
	"github.com/headstart-proxy/headstart/examples/aggregator/site"
)

// inProcess lets an http.Client talk to a handler without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// newSite returns a site that reads feeds with the given delay.
func newSite(t *testing.T, delay time.Duration, o site.Options) http.Handler {
	t.Helper()
	server, err := feeds.New(feeds.Options{Delay: delay})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range feeds.Paths() {
		o.Feeds = append(o.Feeds, "http://feeds.example.org"+path)
	}
	o.Client = &http.Client{Transport: inProcess{server}}
	o.Logger = slog.New(slog.DiscardHandler)
	handler, err := site.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// visitor sends requests and keeps the cookies, as a browser does.
type visitor struct {
	site    http.Handler
	cookies map[string]*http.Cookie
}

func (v *visitor) do(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.site.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if v.cookies == nil {
			v.cookies = make(map[string]*http.Cookie)
		}
		v.cookies[c.Name] = c
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	return w
}

func (v *visitor) get(path string) *httptest.ResponseRecorder {
	return v.do(httptest.NewRequest(http.MethodGet, path, nil))
}

func (v *visitor) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

// find returns the first group of the only match of pattern in text.
func find(t *testing.T, pattern, text string) string {
	t.Helper()
	matches := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	if len(matches) != 1 {
		t.Fatalf("%d matches of %s, want 1, in\n%s", len(matches), pattern, text)
	}
	return matches[0][1]
}

// links returns the distinct paths that text links to and that start with
// prefix.
func links(prefix, text string) []string {
	var all []string
	seen := make(map[string]bool)
	for _, m := range regexp.MustCompile(`href="(`+prefix+`[^"]+)"`).FindAllStringSubmatch(text, -1) {
		if !seen[m[1]] {
			all = append(all, m[1])
		}
		seen[m[1]] = true
	}
	return all
}

func TestEveryPageHasItsOwnHead(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{})}
	index := v.get("/").Body.String()
	feedPages, entryPages := links("/feeds/", index), links("/entries/", index)
	if len(feedPages) < 12 || len(entryPages) < 60 {
		t.Fatalf("the index links %d feeds and %d entries, want 12 and 60 or more", len(feedPages), len(entryPages))
	}
	common, _, _ := strings.Cut(index, "<title>")
	names := regexp.MustCompile(`<a class="no-underline" href="/entries/.+?">(.+?)</a>`).FindAllStringSubmatch(index, -1)
	slices.SortFunc(names, func(a, b []string) int { return strings.Compare(a[1], b[1]) })
	distinct := slices.CompactFunc(slices.Clone(names), func(a, b []string) bool { return a[1] == b[1] })
	if len(names) != len(entryPages) || len(distinct) != len(names) {
		t.Errorf("%d entries with %d distinct names on %d pages, want the same number of each", len(names), len(distinct), len(entryPages))
	}
	for _, part := range []string{`rel="stylesheet"`, `as="font"`, "theme.", "reader.", `rel="icon"`} {
		if !strings.Contains(common, part) {
			t.Errorf("%s is not in front of the title:\n%s", part, common)
		}
	}

	// Each page reads all feeds, which takes its time, so a fifth of the entries
	// has to do.
	paths := append([]string{"/"}, feedPages...)
	for i := 0; i < len(entryPages); i += 5 {
		paths = append(paths, entryPages[i])
	}
	titles := make(map[string]string)
	for _, path := range paths {
		w := v.get(path)
		page := w.Body.String()
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
			continue
		}
		title := find(t, `<title>(.+)</title>`, page)
		if other, taken := titles[title]; taken {
			t.Errorf("%s and %s have the same title %q", path, other, title)
		}
		titles[title] = path
		address := "https://planet.example.org" + path
		if got := find(t, `<link rel="canonical" href="(.+?)">`, page); got != address {
			t.Errorf("%s: canonical %s, want %s", path, got, address)
		}
		if got := find(t, `<meta property="og:url" content="(.+?)">`, page); got != address {
			t.Errorf("%s: og:url %s, want %s", path, got, address)
		}
		if got := find(t, `<meta property="og:title" content="(.+?)">`, page); got != title {
			t.Errorf("%s: og:title %q, want %q", path, got, title)
		}
		if head, _, _ := strings.Cut(page, "<title>"); head != common {
			t.Errorf("%s: what stands in front of the title differs:\n%s", path, head)
		}
		for _, name := range []string{"Set-Cookie", "Cache-Control", "Content-Security-Policy"} {
			if got := w.Header().Get(name); got != "" {
				t.Errorf("%s: an anonymous visitor gets %s: %s", path, name, got)
			}
		}
	}
}

func TestErrorPages(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{})}
	for path, want := range map[string]int{
		"/nothing":         http.StatusNotFound,
		"/feeds/nothing":   http.StatusNotFound,
		"/entries/nothing": http.StatusNotFound,
		"/broken":          http.StatusInternalServerError,
	} {
		w := v.get(path)
		if w.Code != want || !strings.HasSuffix(w.Body.String(), "</html>\n") {
			t.Errorf("%s: status %d, want %d and a whole page; got\n%s", path, w.Code, want, w.Body)
		}
	}
	if w := v.get("/assets/nothing.css"); w.Code != http.StatusNotFound {
		t.Errorf("unknown asset: status %d, want 404", w.Code)
	}
}

func TestEverChangingHead(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{})}
	one, two := v.get("/ever-changing").Body.String(), v.get("/ever-changing").Body.String()
	for _, pattern := range []string{`<meta name="request-id" content="(.+?)">`, `<script src="/assets/reader\.\w+\.js\?v=(.+?)"`} {
		if a, b := find(t, pattern, one), find(t, pattern, two); a == b {
			t.Errorf("%s is %q twice", pattern, a)
		}
	}
}

func TestABrokenFeedIsLeftOut(t *testing.T) {
	server, err := feeds.New(feeds.Options{})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := site.New(site.Options{
		Feeds:  []string{"http://feeds.example.org" + feeds.Paths()[0], "http://feeds.example.org/gone.rss"},
		Client: &http.Client{Transport: inProcess{server}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{site: handler}
	if w := v.get("/"); w.Code != http.StatusOK || len(links("/entries/", w.Body.String())) != 5 {
		t.Errorf("status %d, want 200 with the five entries of the other feed:\n%s", w.Code, w.Body)
	}
	if w := v.get("/feeds/gone"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "could not be read") {
		t.Errorf("status %d, want 200 and a notice:\n%s", w.Code, w.Body)
	}
}

func TestFeedsMustHaveDistinctNames(t *testing.T) {
	for _, list := range [][]string{
		{"http://a.example.org/blog.rss", "http://b.example.org/blog.atom"},
		{"http://a.example.org/"},
		{"http://a.example.org/%zz"},
	} {
		if _, err := site.New(site.Options{Feeds: list}); err == nil {
			t.Errorf("no error for %q", list)
		}
	}
}

// TestAPageTakesTheDelay runs on a fake clock.
func TestAPageTakesTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 1200 * time.Millisecond
		v := &visitor{site: newSite(t, delay, site.Options{})}
		start := time.Now()
		v.get("/")
		if took := time.Since(start); took < delay || took > delay*105/100 {
			t.Errorf("the page took %s, want %s and at most 5%% more", took, delay)
		}
	})
}

func TestAssets(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{})}
	index := v.get("/").Body.String()
	kinds := make(map[string]int)
	for _, m := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(index, -1) {
		w := v.get(m[1])
		content, _ := io.ReadAll(w.Body)
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		kinds[kind]++
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, Cache-Control %q", m[1], w.Code, w.Header().Get("Cache-Control"))
		}
		switch kind {
		case "text/css":
			if len(content) < 80<<10 {
				t.Errorf("the stylesheet has %d bytes, want 80 KB or more", len(content))
			}
			if font := find(t, `url\("(/assets/.+?)"\)`, string(content)); !strings.Contains(index, font) {
				t.Errorf("the stylesheet loads %s, which the page does not preload", font)
			}
			checkClasses(t, index, string(content))
		case "font/ttf":
			if !strings.HasPrefix(string(content), "\x00\x01\x00\x00") {
				t.Errorf("the font starts with %q", content[:4])
			}
		}
	}
	want := map[string]int{"text/css": 1, "text/javascript": 2, "font/ttf": 1, "image/svg+xml": 1}
	for kind, n := range want {
		if kinds[kind] != n {
			t.Errorf("%d assets of type %s, want %d; all: %v", kinds[kind], kind, n, kinds)
		}
	}
}

// checkClasses tells of classes that the page uses and the stylesheet does not
// know.
func checkClasses(t *testing.T, page, css string) {
	t.Helper()
	escape := strings.NewReplacer(":", `\:`, "/", `\/`)
	for _, m := range regexp.MustCompile(`class="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		for class := range strings.FieldsSeq(m[1]) {
			if !regexp.MustCompile(regexp.QuoteMeta("."+escape.Replace(class)) + `[ ,:{.]`).MatchString(css) {
				t.Errorf("class %s is not in the stylesheet", class)
			}
		}
	}
}
