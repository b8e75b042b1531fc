package document

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/domtest"
)

var tagNames = regexp.MustCompile(`</?[a-z][a-z0-9]*`)

// twice reads a body as it is, and with all names of tags in capitals: then no tag is
// simple, and both lexers read it.
func twice(b []byte) (body, both Body) {
	body = ScanBody(b, true, []string{"#stop"})
	both = ScanBody(tagNames.ReplaceAllFunc(b, bytes.ToUpper), true, []string{"#stop"})
	both.Bytes = b[:len(both.Bytes)]
	for i := range min(len(both.Nonces), len(body.Nonces)) { // they may look like a tag
		body.Nonces[i], both.Nonces[i] = strings.ToLower(body.Nonces[i]), strings.ToLower(both.Nonces[i])
	}
	return body, both
}

// What is simple is read as if the second lexer had read it, too.
func TestSimple(t *testing.T) {
	for _, test := range []struct {
		tag    string
		simple bool
	}{
		{"<p>", true},
		{"</p>", true},
		{"</p >", true},
		{"<p/>", true},
		{"<p hidden class=\"a b\" data-x='>' lang=en >", true},
		{"<p title='on click' class=\"nonce\">", true},
		{"<p a=b/>", false},
		{"<p a=/onclick=x>", false},
		{"<p a=\"b\"onclick=x>", false},
		{"<p a='b'\fONCLICK=x>", false},
		{"<p/onclick=x>", false},
		{"<p\nNonce=x>", false},
		{"<p a= onclick>", false},
		{"<p a =b>", false},
		{"<p a=>", false},
		{"<p a=\"\">", true},
		{"<p =a>", false},
		{"<p id=stop>", false},
		{"<my-button>", false},
		{"<img src=x>", true},
		{"<img src=x FetchPriority=high>", false},
		{"<style media=x></style>", false},
		{"1 < 2<p>", false},
	} {
		t.Run(test.tag, func(t *testing.T) {
			doc := []byte("<body><div>" + test.tag + "x</div>")
			s := newBodyScan(doc, &tree{})
			s.stopIDs = []string{"stop"}
			s.lex.find() // <body>
			s.at = s.lex.look
			s.lex.find() // <div>
			s.at = s.lex.look
			if p := s.lex.find(); s.simple(p, doc[s.at:s.lex.start]) != test.simple {
				t.Errorf("simple %v, want %v", !test.simple, test.simple)
			}
			if body, both := twice(doc); !reflect.DeepEqual(body, both) {
				t.Errorf("read as %+v, want %+v", body, both)
			}
		})
	}
}

func TestSimpleProperty(t *testing.T) {
	piece := rapid.SampledFrom([]string{"<p", "<a", "</p", "<img", " ", "\n", "/", "=", "\"", "'", "on", "onclick", "nonce", "id", "stop", "class", "fetchpriority", "high", "x", ">", "&amp;", "<"})
	rapid.Check(t, func(t *rapid.T) {
		markup := domtest.Markup().Draw(t, "markup")
		for _, p := range rapid.SliceOfN(piece, 0, 30).Draw(t, "tail") {
			markup += p
		}
		if body, both := twice([]byte("<body>" + markup + "</body>")); !reflect.DeepEqual(body, both) {
			t.Fatalf("%q is read as %+v, want %+v", markup, body, both)
		}
	})
}
