package load

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// What the checks of each answer find.
func TestExchange(t *testing.T) {
	const (
		text       = "<!doctype html><title>Page</title>"
		ok         = "HTTP/1.1 200 OK\r\n"
		early      = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
		wasEarly   = "Cache-Control: private, no-cache\r\n"
		compressed = "Content-Encoding: gzip\r\n"
	)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	z.Close()
	body := func(header, content string) string {
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", header, len(content), content)
	}
	chunks := fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", 4, text[:4], len(text)-4, text[4:])
	plainPage := expected{size: len(text)}
	with := func(a answer, gzip bool) expected { return expected{a, gzip, len(text)} }
	for name, test := range map[string]struct {
		answer string
		want   expected
		err    string // "" for none
	}{
		"plain":            {body(ok, text), plainPage, ""},
		"chunked":          {ok + chunks, plainPage, ""},
		"committed":        {ok + wasEarly + chunks, with(committed, false), ""},
		"hinted":           {early + body(ok, text), with(hinted, false), ""},
		"gzip":             {body(ok+compressed, b.String()), with(nothing, true), ""},
		"status":           {body("HTTP/1.1 502 Bad Gateway\r\n", text), plainPage, "the status is 502"},
		"short":            {body(ok, text[1:]), plainPage, "33 bytes, not 34"},
		"cut":              {strings.TrimSuffix(ok+chunks, "0\r\n\r\n"), plainPage, "reading the page"},
		"not committed":    {body(ok, text), with(committed, false), "was not committed"},
		"was committed":    {body(ok+wasEarly, text), plainPage, "was committed"},
		"not hinted":       {body(ok, text), with(hinted, false), "no 103"},
		"was hinted":       {early + body(ok, text), plainPage, "was a 103"},
		"not compressed":   {body(ok, text), with(nothing, true), `encoded as ""`},
		"was compressed":   {body(ok+compressed, b.String()), plainPage, `encoded as "gzip"`},
		"badly compressed": {body(ok+compressed, text), with(nothing, true), "reading the page"},
	} {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
				_, _ = theirs.Write([]byte(test.answer))
			}
		}()
		err := newConnection(ours).exchange(requestBytes("/", http.Header{"Accept": {"*/*"}}), test.want)
		ours.Close()
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: error %v, want %q", name, err, test.err)
		}
	}
}

// A decoder is used again for the next answer.
func TestExchangeAgain(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		requests := bufio.NewReader(theirs)
		for n := range 3 {
			if _, err := http.ReadRequest(requests); err != nil {
				return
			}
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(bytes.Repeat([]byte("x"), 100*(n+1)))
			z.Close()
			fmt.Fprintf(theirs, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", b.Len(), &b)
		}
	}()
	conn := newConnection(ours)
	for n := range 3 {
		if err := conn.exchange(requestBytes("/", nil), expected{gzip: true, size: 100 * (n + 1)}); err != nil {
			t.Errorf("answer %d: %v", n, err)
		}
	}
}
