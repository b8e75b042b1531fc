package store

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
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

// BenchmarkScale says what learned pages of a site take in memory, how far the
// store's own estimate is from that, and how long a lookup takes, by number of
// pages.
func BenchmarkScale(b *testing.B) {
	for n := 1_000; n <= 1_000_000; n *= 10 {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			before := live()
			s := newStore(b, 4<<30)
			host := s.Room("handler").Host("news.example")
			keys := make([]request.Key, n)
			const halves = 2 // at once
			var done sync.WaitGroup
			for half := range halves {
				done.Go(func() {
					for i := half; i < n; i += halves {
						p := newPage(host)
						learnArticle(b, p, i)
						keys[i] = articleKey(i)
						s.Put(keys[i], p)
					}
				})
			}
			done.Wait()
			if s.Get(keys[0]).Decide(clean, rules, start).Early == nil {
				b.Fatal("a page is not learned")
			}
			s.Get(keys[0]).Cool()
			used := live() - before - uint64(16*n)
			order := rand.Perm(n)
			b.Run("Get", func(b *testing.B) {
				for i := 0; b.Loop(); i = (i + 1) % n {
					if s.Get(keys[order[i]]) == nil {
						b.Fatal("a page is gone")
					}
				}
				b.ReportMetric(float64(used)/float64(n), "B/page")
				b.ReportMetric(float64(s.Bytes())/float64(used), "estimate")
			})
			b.Run("NewKey and Get", func(b *testing.B) {
				requests := make([]*http.Request, min(n, 100_000))
				for i := range requests {
					requests[i] = articleRequest(order[i])
				}
				for i := 0; b.Loop(); i = (i + 1) % len(requests) {
					if s.Get(keyOfRequest(requests[i])) == nil {
						b.Fatal("a page is gone")
					}
				}
			})
		})
	}
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

// articleRequest returns a request for an article.
func articleRequest(i int) *http.Request {
	path := fmt.Sprintf("/2026/11/article-%d", i)
	return &http.Request{Host: "news.example", URL: &url.URL{Path: path}, RequestURI: path}
}

func keyOfRequest(r *http.Request) request.Key {
	return request.NewKey("handler", "", r, request.Facts{Target: r.RequestURI}, nil)
}

func articleKey(i int) request.Key { return keyOfRequest(articleRequest(i)) }
