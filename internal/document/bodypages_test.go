package document

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestBodyPages scans pages as sites send them: each is understood to its end, and
// can be cut in many places.
func TestBodyPages(t *testing.T) {
	want := map[string]int{ // points
		"django-list.html":  128,
		"django-login.html": 44,
		"planet.html":       159,
		"shop.html":         135,
	}
	files, err := filepath.Glob("testdata/pages/*.html")
	if err != nil || len(files) != len(want) {
		t.Fatalf("pages: %v, %v", files, err)
	}
	for _, file := range files {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, at, _ := scanDocument(page, true)
		if got.End != BodyEnd || len(got.Points) != want[filepath.Base(file)] {
			t.Errorf("%s: %d points, %s, before %.60q", file, len(got.Points), got.End, page[at+len(got.Bytes):])
		}
		checkBody(t, page, 1000, func(n int) int { return n / 2 })
		for n := at; n < len(page); n += 13 {
			checkTruncated(t, page, at, got, n)
		}
	}
}

// hostile are bodies that take some parsers time in the square of their length.
var hostile = []string{
	"<b>", "<p>", "<li>", "<a ", "<div>", "<p><b></b>", "<dd><dt>", "<ul><li>", "<table><td>", "<option>", "<svg>", "<x-y></x-y>",
	"<!--", "<!---->", "<", "</", "<a b='", "<a b=c ", "<br", "&amp;", "a < b ", "<script>", "<script></script>", "<script><!--",
	"<template>", "<template></template>", "<noscript>", "<noscript><b></b></noscript>", "<noscript></noscript>", "<pre>&", "<pre></pre>",
	"<select><option></select>", "<textarea></textarea", "<p nonce=x>", "<form></form>", "<h1></h1>x", "<ruby><rt></ruby>", "<ins>", "</p>",
}

// TestBodyBound gives the scan a lot of them. Each byte is looked at once by each
// lexer, four times in all in a noscript; memory grows no faster than the input.
func TestBodyBound(t *testing.T) {
	for _, part := range hostile {
		for _, deep := range []string{"", strings.Repeat("<div>", maxDepth/2), strings.Repeat("<span>", maxDepth-10)} {
			in := []byte("<body>" + deep + strings.Repeat(part, 1<<18/len(part)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s := newBodyScan(in, &tree{keep: true})
			s.run()
			runtime.ReadMemStats(&after)
			read := 0
			if s.second != nil {
				read = s.second.read
			}
			if looked := s.lex.look + read; looked > 2*len(in) {
				t.Errorf("%s: looked at %d bytes, twice the input is %d", part, looked, 2*len(in))
			}
			// A node and a point are 48 bytes, and slices double; each noscript with
			// markup takes a tokenizer's buffer of 4 KiB.
			most := uint64(200*len(in) + 1<<16)
			if got := after.TotalAlloc - before.TotalAlloc; got > most {
				t.Errorf("%s: %d bytes of memory for %d of input, want at most %d", part, got, len(in), most)
			}
			if len(s.tree.open) > maxDepth || len(s.points) > maxPoints {
				t.Errorf("%s: %d open elements, %d points", part, len(s.tree.open), len(s.points))
			}
		}
	}
}

func BenchmarkScanBody(b *testing.B) {
	run := func(name string, in []byte) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				ScanBody(in, true, nil)
			}
		})
	}
	for _, name := range []string{"django-list", "planet"} {
		page, err := os.ReadFile("testdata/pages/" + name + ".html")
		if err != nil {
			b.Fatal(err)
		}
		_, at, _ := scanDocument(page, true)
		run(name, page[at:])
	}
	for _, part := range []string{"<p>", "<b>", "<li>", "<a ", "<p><b></b>"} {
		for _, size := range []int{1 << 16, 1 << 20} {
			run(fmt.Sprintf("%s x %d", part, size), []byte("<body>"+strings.Repeat(part, size/len(part))))
		}
	}
}
