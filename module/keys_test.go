package module_test

import (
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// keysSite starts a site, with options of headstart and directives in front.
func keysSite(t *testing.T, options string, directives ...string) *lesson {
	t.Helper()
	origin := startOrigin(t)
	if !strings.Contains(options, "min_wait") {
		options += "\nmin_wait 0"
	}
	l := startLesson(t, origin, `
http://:<site>, https://example.test:<site_tls> {
	log
	`+strings.Join(directives, "\n")+`
	headstart {
		`+options+`
	}
	reverse_proxy `+origin.Addr()+`
}
`)
	if strings.Contains(options, "flush head") {
		l.level = head
	}
	return l
}

// visits lets a browser visit a page that is not committed.
func (l *lesson) visits(t *testing.T, v *visitor, path, page string, times int, dress ...lessonDress) {
	t.Helper()
	for range times {
		l.plain(t, v, "site", path, page, "not_learned", dress...)
	}
}

// TestKey checks that many URLs share an opening: what they have in common comes
// early, but not at a URL that nobody has seen.
func TestKey(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		l := keysSite(t, "key {http.request.uri.path.0}\nflush "+string(at))
		// What differs comes behind all that is sent.
		differs := map[level]string{head: "</head>", shell: "</body>"}[at]
		l.tail = "</body></html>"
		eachProtocol(t, func(t *testing.T, v *visitor) {
			section := "/" + v.protocol
			page := func(id string) string {
				return strings.Replace(lessonPage, differs, "<title>Entry "+id+"</title>"+differs, 1)
			}
			for _, id := range []string{"1", "2", "3", "4", "5"} {
				l.serve(section+"/"+id, lessonHTML(page(id)))
			}
			l.visits(t, v, section+"/1", page("1"), 2*lessonVisits) // one URL is not enough
			l.visits(t, v, section+"/2", page("2"), 1)
			l.visits(t, v, section+"/3", page("3"), 1)
			for _, id := range []string{"1", "2", "3"} {
				if x := l.early(t, v, "site", section+"/"+id); !strings.HasSuffix(x.body, page(id)[len("<!doctype html>"):]) {
					t.Errorf("%s is %q", id, x.body)
				}
			}
			l.visits(t, v, section+"/4", page("4"), 1) // may be a 404
			l.early(t, v, "site", section+"/4")
			x := l.visit(t, v, "site", section+"/99")
			hinted := map[string]string{"h1": "none", "h2": "hints", "h3": "hints"}[v.protocol]
			if x.Status != http.StatusNotFound || x.headstart("level") != hinted {
				t.Errorf("a URL that does not exist: status %d, %v", x.Status, x.log.field("headstart"))
			}
			x = l.visit(t, v, "site", section+"/99") // nor does it count as seen
			if x.Status != http.StatusNotFound || x.headstart("level") != "none" {
				t.Errorf("a URL that does not exist, again: status %d, %v", x.Status, x.log.field("headstart"))
			}
			l.serve("/elsewhere/1", lessonHTML(page("1")))
			l.visits(t, v, "/elsewhere/1", page("1"), 1)
		})
	})
}

// TestLearnAfter checks that as many visits as demanded teach a page.
func TestLearnAfter(t *testing.T) {
	for n, option := range map[int]string{2: "learn_after 2", 3: "", 5: "learn_after 5", 16: "learn_after 16"} {
		t.Run("after "+option, func(t *testing.T) {
			l := keysSite(t, option)
			l.serve("/", lessonHTML(lessonPage))
			v := newVisitor(t, "h1")
			l.visits(t, v, "/", lessonPage, n)
			l.early(t, v, "site", "/")
		})
	}
}

// TestLearnAfterInARow checks that responses that differ begin anew.
func TestLearnAfterInARow(t *testing.T) {
	l := keysSite(t, "")
	v := newVisitor(t, "h1")
	another := strings.Replace(lessonPage, lessonMark, "/another.css", 1)
	for range 2 {
		l.serve("/", lessonHTML(another))
		l.visit(t, v, "site", "/")
		l.serve("/", lessonHTML(lessonPage))
		if x := l.visit(t, v, "site", "/"); x.headstart("level") != "none" {
			t.Fatalf("committed after different pages: %v", x.log)
		}
	}
	l.visit(t, v, "site", "/")
	if x := l.visit(t, v, "site", "/"); x.headstart("level") != "none" {
		t.Fatalf("committed after two equal pages: %v", x.log)
	}
	l.early(t, v, "site", "/")
}

// TestLearnPrivate checks that pages marked private teach only if that is
// allowed.
func TestLearnPrivate(t *testing.T) {
	private := lessonHTML(lessonPage, "Cache-Control", "max-age=0, private, must-revalidate")
	v := newVisitor(t, "h1")

	l := keysSite(t, "")
	l.serve("/", private)
	l.plain(t, v, "site", "/", lessonPage, "")
	for range 2 * lessonVisits {
		l.plain(t, v, "site", "/", lessonPage, "private")
	}

	l = keysSite(t, "learn_private")
	l.serve("/", private)
	l.visits(t, v, "/", lessonPage, lessonVisits)
	if x := l.early(t, v, "site", "/"); x.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("Cache-Control is %q", x.Header.Get("Cache-Control"))
	}
	l.serve("/none", lessonHTML(lessonPage, "Cache-Control", "no-store"))
	l.plain(t, v, "site", "/none", lessonPage, "")
	for range 2 * lessonVisits {
		l.plain(t, v, "site", "/none", lessonPage, "no_store")
	}
}

// TestIgnoreQuery checks that a visitor with an ignored parameter gets the page
// early, but teaches nothing, and that the backend sees the query.
func TestIgnoreQuery(t *testing.T) {
	l := keysSite(t, "ignore_query utm_* gclid")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.serve(path, lessonHTML(lessonPage))
		l.visits(t, v, path+"?utm_source=x", lessonPage, 2*lessonVisits)
		l.visits(t, v, path, lessonPage, lessonVisits)
		drain(t, l.origin)
		for _, query := range []string{"?utm_source=x", "?gclid=1&utm_campaign=a%20b", "?utm_=%22"} {
			l.early(t, v, "site", path+query)
			for _, seen := range drain(t, l.origin) {
				if seen.Target != path+query {
					t.Errorf("the backend saw %q, want %q", seen.Target, path+query)
				}
			}
		}
		for _, query := range []string{"?", "?page=2", "?utm_source=x&page=2", "?utm_source=x;page=2", "?UTM_SOURCE=x", "?gclid2=1", "?xutm_a=1"} {
			l.plain(t, v, "site", path+query, lessonPage, "not_clean")
		}
	})
}

// TestIgnoreHeader checks that a header that differs each time keeps a page from
// being committed, unless it is named.
func TestIgnoreHeader(t *testing.T) {
	v := newVisitor(t, "h1")
	learn := func(l *lesson) {
		for _, build := range []string{"1", "2", "3"} {
			l.serve("/", lessonHTML(lessonPage, "X-Build", build))
			l.visits(t, v, "/", lessonPage, 1)
		}
		l.serve("/", lessonHTML(lessonPage, "X-Build", "4"))
	}
	l := keysSite(t, "")
	learn(l)
	l.plain(t, v, "site", "/", lessonPage, "header_differs")

	l = keysSite(t, "ignore_header x-build X-Other")
	learn(l)
	if x := l.early(t, v, "site", "/"); x.Header["X-Build"] != nil {
		t.Errorf("a header that differs was replayed: %q", x.Header["X-Build"])
	}
}

// TestMinWait checks that a page whose backend is fast enough is not committed.
// How fast is fast enough is not for a test to measure, so the bound is one that
// every backend stays under.
func TestMinWait(t *testing.T) {
	l := keysSite(t, "min_wait 1h")
	v := newVisitor(t, "h1")
	l.serve("/", lessonHTML(lessonPage))
	l.visits(t, v, "/", lessonPage, lessonVisits)
	for range 2 * lessonVisits {
		l.plain(t, v, "site", "/", lessonPage, "fast_backend")
	}

	l = keysSite(t, "min_wait 0s")
	l.serve("/", lessonHTML(lessonPage))
	l.visits(t, v, "/", lessonPage, lessonVisits)
	l.early(t, v, "site", "/")
}

// TestMaxOpening checks that a head longer than max_opening is sent up to that,
// in whole elements: what follows may differ without any harm.
func TestMaxOpening(t *testing.T) {
	const limit = 2 << 10
	long := func(last string) string {
		link := `<link rel="preload" as="script" href="/` + strings.Repeat("x", 400) + `.js">`
		return strings.Replace(lessonPage, "</head>", strings.Repeat(link, 8)+last+"</head>", 1)
	}
	l := keysSite(t, "max_opening 2KiB")
	l.level = head // there is no room for more
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.serve(path, lessonHTML(long(strings.Repeat("<meta name=a>", 20))))
		for range lessonVisits {
			l.visit(t, v, "site", path)
		}
		l.serve(path, lessonHTML(long(strings.Repeat("<meta name=b>", 20))))
		l.early(t, v, "site", path)
		entries := l.logs.wait(t, l.seen[path], func(e logEntry) bool {
			return e["logger"] == "http.handlers.headstart" && e["uri"] == path
		})
		flushed := entries[len(entries)-1]["flushed"].(float64)
		if flushed <= 1024 || flushed > limit {
			t.Errorf("%v bytes were sent early, want at most %d", flushed, limit)
		}
	})
}

// TestFlush checks the levels.
func TestFlush(t *testing.T) {
	v := newVisitor(t, "h2")
	l := keysSite(t, "flush hints")
	l.serve("/", lessonHTML(lessonPage))
	l.visits(t, v, "/", lessonPage, lessonVisits)
	for range lessonVisits {
		l.plain(t, v, "site", "/", lessonPage, "hints_only")
	}
	eachLevel(t, func(t *testing.T, at level) {
		keysSite(t, "flush "+string(at)).teach(t, newVisitor(t, "h2"), "site", "/")
	})
}

// TestVary checks that what the page depends on keeps visitors apart.
func TestVary(t *testing.T) {
	l := keysSite(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		german := strings.Replace(lessonPage, `lang="en"`, `lang="de"`, 1)
		inGerman := with("Accept-Language", "de-DE,de;q=0.9")
		l.serve(path, []testorigin.Step{testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Vary", "accept-language, Accept-Encoding, Cookie")
			page := lessonPage
			if strings.HasPrefix(r.Header.Get("Accept-Language"), "de") {
				page = german
			}
			_, _ = w.Write([]byte(page))
		})})
		l.visits(t, v, path, lessonPage, lessonVisits)
		l.early(t, v, "site", path)
		l.visits(t, v, path, german, lessonVisits, inGerman)
		if x := l.early(t, v, "site", path, inGerman); !strings.Contains(x.body, `lang="de"`) {
			t.Errorf("in German: %q", x.body)
		}
		if x := l.early(t, v, "site", path); !strings.Contains(x.body, `lang="en"`) {
			t.Errorf("in English: %q", x.body)
		}
	})
}

// TestBackendEncodes checks that a page that the backend compresses by itself is
// never sent uncompressed to somebody who accepts it compressed.
func TestBackendEncodes(t *testing.T) {
	answer := []testorigin.Step{testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Vary", "Accept-Encoding")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			_, _ = w.Write([]byte(lessonPage))
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		zw := gzip.NewWriter(w)
		defer zw.Close()
		_, _ = zw.Write([]byte(lessonPage))
	})}

	l := keysSite(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.serve(path, answer)
		l.plain(t, v, "site", path, lessonPage, "")
		for range 2 * lessonVisits {
			if x := l.plain(t, v, "site", path, lessonPage, "backend_encodes"); x.Header.Get("Content-Encoding") != "gzip" {
				t.Errorf("Content-Encoding is %q", x.Header.Get("Content-Encoding"))
			}
		}
	})

	l = keysSite(t, "", "encode gzip")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.serve(path, answer)
		for range lessonVisits {
			l.visit(t, v, "site", path)
		}
		if x := l.early(t, v, "site", path); x.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("Content-Encoding is %q", x.Header.Get("Content-Encoding"))
		}
	})
}

// TestSetCookieOnFirstVisit checks that a page that sets a cookie when there is
// none comes early for those who have one, once they have proved it.
func TestSetCookieOnFirstVisit(t *testing.T) {
	l := keysSite(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.serve(path, []testorigin.Step{testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if r.Header.Get("Cookie") == "" {
				w.Header().Set("Set-Cookie", "csrftoken=secret")
			}
			_, _ = w.Write([]byte(lessonPage))
		})})
		returning := with("Cookie", "csrftoken=secret")
		l.plain(t, v, "site", path, lessonPage, "")
		for range 2 * lessonVisits {
			if x := l.plain(t, v, "site", path, lessonPage, "sets_cookie"); x.Header.Get("Set-Cookie") == "" {
				t.Error("the cookie is missing")
			}
		}
		l.visits(t, v, path, lessonPage, lessonVisits, returning)
		if x := l.early(t, v, "site", path, returning); x.Header.Get("Set-Cookie") != "" {
			t.Errorf("a cookie was replayed: %q", x.Header.Get("Set-Cookie"))
		}
		l.plain(t, v, "site", path, lessonPage, "sets_cookie")
	})
}

// TestMarker checks that the reload of a recovery gets the backend's own page,
// and that the backend does not see the cookie that asks for it.
func TestMarker(t *testing.T) {
	l := keysSite(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path, marker := "/"+v.protocol, "headstart=reload.none"
		if v.protocol != "h1" {
			marker = "__Host-headstart=reload.none"
		}
		l.teach(t, v, "site", path)
		for _, tc := range []struct{ sent, seen string }{
			{marker, ""},
			{"a=b; " + marker + "; c=d", "a=b; c=d"},
			{marker + "; xheadstart=1", "xheadstart=1"},
		} {
			l.plain(t, v, "site", path, lessonPage, "marked", with("Cookie", tc.sent))
			for _, r := range drain(t, l.origin) {
				if got := r.Header.Get("Cookie"); got != tc.seen {
					t.Errorf("of %q the backend saw %q, want %q", tc.sent, got, tc.seen)
				}
			}
		}
		l.early(t, v, "site", path)
	})
}
