package opening

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// storyPage is a page of 56 KB with a head of 2 KB, of which most elements have attributes.
func storyPage(title int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Page %d</title>\n", title)
	for i := range 20 {
		fmt.Fprintf(&b, "<link rel=\"stylesheet\" href=\"/static/part-%d.css\" integrity=\"sha256-%040d=\">\n", i, i)
	}
	b.WriteString("<script src=\"/static/app.js\" defer></script>\n</head>\n<body class=\"home\">\n<main>\n")
	for i := 0; b.Len() < 56<<10; i++ {
		fmt.Fprintf(&b, "<article class=\"card card--wide\" data-id=\"%d\">\n<h2><a href=\"/story/%d\">Story %d</a></h2>\n"+
			"<img src=\"/img/%d.jpg\" alt=\"A picture &amp; more\" width=\"320\" height=\"200\" loading=\"lazy\">\n"+
			"<p>Some <b>bold</b> words on what has happened, and <i>others</i>.</p>\n</article>\n", i, i, i, i)
	}
	b.WriteString("</main></body></html>")
	return []byte(b.String())
}

// BenchmarkLearn shows what it costs to learn from one response.
func BenchmarkLearn(b *testing.B) {
	headers := LearnHeaders(nil, http.Header{"Content-Type": {"text/html; charset=utf-8"}, "X-Frame-Options": {"DENY"}})
	observe := func(p *trial, doc []byte) {
		p.now = p.now.Add(time.Second)
		o, reason, _ := p.Observe(p.visit, headers, doc, true, Scope{Shell: true})
		if reason != "" {
			b.Fatal(reason)
		}
		answer := Answer{Observation: o, Depth: -1}
		if !o.Repeats() {
			answer.Asked = o.Asked()
		}
		p.answer(answer)
	}
	one, other := storyPage(1), storyPage(2)
	b.Run("first", func(b *testing.B) { // of a page, on a host with others
		host := newTrial()
		observe(host, other)
		b.ReportAllocs()
		for b.Loop() {
			p := newTrial()
			p.Settle(host.Host())
			observe(p, one)
			p.Close()
		}
	})
	b.Run("first three", func(b *testing.B) { // after which the page is known
		host := newTrial()
		observe(host, other)
		b.ReportAllocs()
		for b.Loop() {
			p := newTrial()
			p.Settle(host.Host())
			for range 3 {
				observe(p, one)
			}
			p.Close()
		}
	})
	b.Run("repeated", func(b *testing.B) {
		p := newTrial()
		for range 4 {
			observe(p, one)
		}
		b.ReportAllocs()
		for b.Loop() {
			p.plan()
			observe(p, one)
		}
	})
	b.Run("changing", func(b *testing.B) { // each response has another title
		p := newTrial()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%2 == 0 {
				observe(p, one)
			} else {
				observe(p, other)
			}
		}
	})
	b.Run("never committed", func(b *testing.B) { // a request each 10 ms to a page that sets a cookie
		p := newTrial()
		b.ReportAllocs()
		for b.Loop() {
			p.now = p.now.Add(10 * time.Millisecond)
			if p.plan().Observe {
				observe(p, one)
			}
			p.answer(Answer{Reason: SetsCookie, Depth: -1})
		}
	})
}
