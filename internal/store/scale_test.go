package store

import (
	"fmt"
	"math/rand/v2"
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
			for i := range n {
				p := opening.NewPage(host)
				document := article(i)
				for range rules.LearnAfter {
					teach(b, p, document)
				}
				if i == 0 && p.Decide(clean, rules, start).Early == nil {
					b.Fatal("a page is not learned")
				}
				p.Cool()
				keys[i] = keyOf(document)
				s.Put(keys[i], p)
			}
			used := live() - before - uint64(16*n)
			rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			i := 0
			for b.Loop() {
				if s.Get(keys[i]) == nil {
					b.Fatal("a page is gone")
				}
				if i++; i == n {
					i = 0
				}
			}
			b.ReportMetric(float64(used)/float64(n), "B/page")
			b.ReportMetric(float64(s.Bytes())/float64(used), "estimate")
		})
	}
}
