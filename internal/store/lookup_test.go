package store

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// assets is what the pages of a site have in common.
var assets = func() string {
	var b strings.Builder
	b.WriteString("<meta charset=utf-8>\n<meta name=viewport content='width=device-width, initial-scale=1'>\n")
	for i := range 4 {
		fmt.Fprintf(&b, "<link rel=stylesheet href=/static/css/part-%d.8f3a1c5d.css>\n", i)
		fmt.Fprintf(&b, "<script src=/static/js/part-%d.8f3a1c5d.js defer></script>\n", i)
	}
	b.WriteString("<script>" + strings.Repeat("window.dataLayer=window.dataLayer||[];", 40) + "</script>\n<link rel=icon href=/favicon.ico>\n")
	return b.String()
}()

// article is one page of the site.
func article(i int) string {
	return fmt.Sprintf("<!doctype html>\n<html lang=en>\n<head>\n%s<title>Article %d: about one thing and another</title>\n"+
		"<meta name=description content='What there is to say of %d, in a sentence or two'>\n"+
		"<link rel=canonical href=https://news.example/2026/11/article-%d>\n</head><body>", assets, i, i, i)
}

// live returns the bytes in use, and the process's whole heap.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLookup is the way from a key to its page, and back for one that is in already.
// What many pages take, and how long a lookup takes among them, the command bench says.
func BenchmarkLookup(b *testing.B) {
	const n = 1000
	s := newStore(b, 64<<20)
	host := s.Room("handler").Host("news.example")
	keys := make([]request.Key, n)
	for i := range keys {
		p := newPage(host)
		learnArticle(b, p, i)
		keys[i] = articleKey(i)
		s.Put(keys[i], p)
	}
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i = (i + 1) % n {
			if s.Get(keys[i]) == nil {
				b.Fatal("a page is gone")
			}
		}
	})
	b.Run("Put", func(b *testing.B) {
		pages := make([]*opening.Page, n)
		for i, key := range keys {
			pages[i] = s.Get(key)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i = (i + 1) % n {
			s.Put(keys[i], pages[i])
		}
	})
}

// learnArticle lets a page learn an article. The same response is taken in again
// and again, since to read it is what takes long.
func learnArticle(b *testing.B, p *opening.Page, i int) {
	h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	o, reason, _ := opening.Observe(opening.LearnHeaders(nil, h), []byte(article(i)), true, opening.Scope{Shell: true})
	if reason != "" {
		b.Error(reason)
	}
	for range rules.LearnAfter {
		p.Answered(clean, opening.Answer{Observation: o, Depth: -1}, rules, start)
	}
}

// articleKey returns the key of an article.
func articleKey(i int) request.Key {
	path := fmt.Sprintf("/2026/11/article-%d", i)
	r := &http.Request{Host: "news.example", URL: &url.URL{Path: path}, RequestURI: path}
	return request.NewKey("handler", "", r, request.Facts{Target: path}, nil)
}
