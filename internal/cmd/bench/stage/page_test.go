package stage

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNewPage(t *testing.T) {
	for _, nonces := range []bool{false, true} {
		page := NewPage(PageSize, nonces)
		nonce := ""
		if nonces {
			nonce = strings.Repeat("n", 24)
		}
		text := page.Append([]byte("before"), 42, nonce)[len("before"):]
		if len(text) != PageSize {
			t.Errorf("%d bytes, want %d", len(text), PageSize)
		}
		if page.HeadEnd < headSize*9/10 || page.HeadEnd > headSize*11/10 || !bytes.HasSuffix(text[:page.HeadEnd], []byte("</head>")) {
			t.Errorf("the head ends after %d bytes, with %q", page.HeadEnd, text[page.HeadEnd-20:page.HeadEnd])
		}
		if !bytes.HasSuffix(text[:page.StampEnd], []byte("<main>\n<p>Answer 000000000042</p>\n")) {
			t.Errorf("the stamp ends with %q", text[page.StampEnd-40:page.StampEnd])
		}
		if got, want := bytes.Count(text, []byte(`nonce="nnnnnnnnnnnnnnnnnnnnnnnn"`)), 4; nonces && got != want || !nonces && got != 0 {
			t.Errorf("nonces %v: %d", nonces, got)
		}
		if bytes.Contains(text, []byte(nonceHole)) {
			t.Error("a nonce is missing")
		}
		if bytes.ContainsAny(text[:page.StampEnd], "{}`") {
			t.Error("Caddy would take a part of the opening for a placeholder")
		}
	}
}

// Two answers have the same length, and differ in their stamps and nonces only.
func TestDocument(t *testing.T) {
	for _, nonces := range []bool{false, true} {
		for _, withLength := range []bool{false, true} {
			d := NewDocument(nonces, withLength)
			var answers [2]*httptest.ResponseRecorder
			for i := range answers {
				answers[i] = httptest.NewRecorder()
				d.ServeHTTP(answers[i], httptest.NewRequest(http.MethodGet, "/", http.NoBody))
				h := answers[i].Header()
				if got := h.Get("Content-Length"); (got == "57344") != withLength {
					t.Errorf("Content-Length %q", got)
				}
				if got := h.Get("Content-Security-Policy") != ""; got != nonces {
					t.Errorf("nonces %v: the policy is %q", nonces, h.Get("Content-Security-Policy"))
				}
			}
			a, b := answers[0].Body.String(), answers[1].Body.String()
			if a == b || len(a) != len(b) {
				t.Error("the answers are the same, or of different lengths")
			}
			if nonces == (a[:d.Page().HeadEnd] == b[:d.Page().HeadEnd]) {
				t.Errorf("nonces %v: the heads are not as expected", nonces)
			}
		}
	}
}
