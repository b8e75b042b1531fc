package splice_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// shell makes a sequence of a page, body and all, but for async scripts of its head.
func shell(page []byte) *splice.Sequence {
	head := document.ScanHead(page, true)
	items := slices.DeleteFunc(head.Items, func(i document.Item) bool { return i.Has(document.Async) })
	if head.End != document.HeadEnd && head.End != document.Implied {
		return splice.NewSequence(items)
	}
	return splice.NewShell(items, document.ScanBody(page[head.Size:], true, nil))
}

// Differences in the body that was sent.
func TestRewind(t *testing.T) {
	const (
		head = "<!doctype html><html><head><link rel=stylesheet href=a.css></head><body>"
		nav  = "<nav><a href=/>Home</a></nav>"
	)
	tests := []struct {
		name         string
		sent, stream string // of the body; ‸ in sent is where it was cut, and in stream what is sent again begins
		outcome      string
		tags         string // the end tags
		cut, in      string
	}{
		{"equal", nav + "<p>a</p>‸", nav + "<p>a</p>‸", "exact", "", "", ""},
		{"more behind", nav + "<p>a</p>‸", nav + "<p>a</p>‸<p>b</p>", "exact", "", "", ""},
		{"text that goes on", nav + "<p>‸a", nav + "<p>‸ab", "exact", "", "", ""},
		{"an entry", "<ul><li>a</li><li>b</li><li>c‸</ul>", "<ul><li>a</li><li>‸B</li><li>c</ul>", "", "", "", ""},
		{"the last entry", "<ul><li>a</li><li>b</li>‸</ul>", "<ul><li>a</li>‸<li>B</li></ul>", "repaired", "", "LI", "html>body>ul>script"},
		{"in an element that is closed", nav + "<div><p>a</p></div><hr>‸", nav + "‸<div><p>b</p></div>", "repaired", "", "DIV,HR", "html>body>script"},
		{"behind a text", nav + "<p>a<br>b<br>‸", nav + "<p>a<br>‸c<br>", "repaired", "", "#text,BR", "html>body>p>script"},
		{"behind comments", "<!--a--><!--b-->‸", "<!--a-->‸<!--c-->", "repaired", "", "#comment", "html>body>script"},
		{"a change of nesting", "<main><section><p>a</p><div><p>b</p>‸", "<main><section><p>a</p>‸<p>b</p>", "repaired", "</div>", "DIV", "html>body>main>section>script"},
		{"open elements", "<main><form><div><h1>a<br>‸", "<main>‸<form action=x><div>", "repaired", "</h1></div></form>", "FORM", "html>body>main>script"},
		{"an svg", "<p>a</p><svg><path /></svg><hr>‸", "<p>a</p>‸<svg><g></g></svg>", "repaired", "", "svg,HR", "html>body>script"},
		{"a table", "<table><tr><td>a</table><hr>‸", "‸<table><tr><td>b</table>", "repaired", "", "TABLE,HR", "html>body>script"},
		{"a bold text", "<p>a<b>b</b><br>‸", "<p>‸a<b>c</b>", "repaired", "", "#text,B,BR", "html>body>p>script"},
		{"a custom element", "<x-a>b<br>‸", "<x-a>‸c", "repaired", "", "#text,BR", "html>body>x-a>script"},
		{"a name that is no selector", "<x:a>b<br>‸", "<x:a>‸c", "reloaded", "", "", ""},
		{"a name that is no name of HTML", "<p>a</p><x\u00e9>b</x\u00e9>‸", "<p>a</p>c", "reloaded", "", "", ""},
		{"a shorter page", "<p>a</p><p>b</p>‸", "<p>a</p>‸", "repaired", "", "P", "html>body>script"},
		{"a script before", "<script>f()</script><p>a</p>‸", "<script>f()</script>‸<p>b</p>", "repaired", "", "P", "html>body>script"},
		{"a script behind", "<p>a</p><script>f()</script>‸", "<p>b</p><script>f()</script>", "reloaded", "", "", ""},
		{"data behind", "<p>a</p><script type=text/json>1</script>‸", "‸<p>b</p>", "repaired", "", "P,SCRIPT", "html>body>script"},
		{"a handler behind", "<p>a</p><p onclick=f()>b</p>‸", "<p>b</p>", "reloaded", "", "", ""},
		{"a frame behind", "<p>a</p><iframe src=x></iframe>‸", "<p>b</p>", "reloaded", "", "", ""},
		{"a base behind", "<p>a</p><base href=x>‸", "<p>b</p>", "reloaded", "", "", ""},
		{"an http-equiv behind", "<p>a</p><meta http-equiv=refresh content=9>‸", "<p>b</p>", "reloaded", "", "", ""},
		{"a script in a template behind", "<p>a</p><template><script>f()</script></template>‸", "<p>b</p>", "reloaded", "", "", ""},
		{"everything", "<p>a</p><p>b</p>‸", "‸<h1>x</h1>", "repaired", "", "P,P", "html>body>script"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sent, _, _ := strings.Cut(test.sent, "‸")
			same, rest, _ := strings.Cut(test.stream, "‸")
			if test.outcome == "" { // the cut is behind a text
				test.outcome, sent, test.tags = "repaired", "<ul><li>a</li><li>b</li><li>", "</li>"
				test.cut, test.in, same, rest = "LI,LI", "html>body>ul>script", "<ul><li>a</li>", "<li>B</li><li>c</ul>"
			}
			seq := shell([]byte(head + sent))
			if got := string(seq.Bytes); got != head+sent {
				t.Fatalf("a shell of %q", got)
			}
			stream := []byte(head + same + rest + "</body></html>")
			got := check(t, seq, seq.Len(), stream, nil)
			if got.outcome() != test.outcome {
				t.Fatalf("%s, want %s", got.outcome(), test.outcome)
			}
			if test.outcome == "reloaded" {
				return
			}
			if want := test.tags + rest + "</body></html>"; string(got.out) != want {
				t.Errorf("out is %q, want %q", got.out, want)
			}
			for _, edit := range got.edits() {
				if edit.Cut != test.cut || edit.In != test.in {
					t.Errorf("cuts %s in %s, want %s in %s", edit.Cut, edit.In, test.cut, test.in)
				}
			}
			if len(got.edits()) > 0 != (test.cut != "") {
				t.Errorf("%d edits", len(got.edits()))
			}
		})
	}
}

// What comes late in a head of which the body was sent.
func TestLate(t *testing.T) {
	const (
		css, css2 = "<link rel=stylesheet href=a.css>", "<link rel=stylesheet href=b.css>"
		title     = "<title>a</title>"
		token     = "<meta name=csrf-token content=a>"
		script    = "<script>f()</script>"
		async     = "<script async src=a.js></script>"
		policy    = "<meta http-equiv=content-security-policy content=x>"
	)
	tests := []struct {
		name                    string
		sentHead, sentBody, now string
		outcome, out, put, at   string
	}{
		{"nothing", css, "<p>", css, "exact", "", "", "[]"},
		{"a title", css, "<p>", title + css, "merged", title, "TITLE", "[0]"},
		{"a title behind", css, "<p>", css + title, "merged", title, "TITLE", "[1]"},
		{"several", css, "<p>", title + "\n" + css + "<!-- x -->" + token + async, "merged", title + token + async, "TITLE,META,SCRIPT", "[0 2 3]"},
		{"a title behind a script that reads it", css, "<script>x=document.title</script><p>", title + css, "reloaded", "", "", ""},
		{"a token behind a script", css, script + "<p>", token + css, "reloaded", "", "", ""},
		{"a token behind a handler", css, "<a onclick=f()>x</a><p>", token + css, "reloaded", "", "", ""},
		{"a title behind a script", css, script + "<p>", title + css, "merged", title, "TITLE", "[0]"},
		{"a script", css, "<p>", css + script, "reloaded", "", "", ""},
		{"a stylesheet more", css, "<p>", css + css2, "reloaded", "", "", ""},
		{"another stylesheet", css, "<p>", css2, "repaired", css2, "LINK", "[-1]"},
		{"two alike for two alike", css + css, "<p>", css2 + css2, "repaired", css2 + css2, "LINK,LINK", "[-1 -1]"},
		{"a stale title", title + css, "<p>", css, "repaired", "", "", "[]"},
		{"another title", title + css, "<p>", "<title>b</title>" + css, "repaired", "<title>b</title>", "TITLE", "[0]"},
		{"a policy", css, "<p>", css + policy, "reloaded", "", "", ""},
		{"a body that begins in the head", css, "<p>", css + "<p>", "reloaded", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const start, end = "<!doctype html><html><head>", "</head><body>"
			seq := shell([]byte(start + test.sentHead + end + test.sentBody))
			stream := []byte(start + test.now + end + test.sentBody + "x</body></html>")
			got := check(t, seq, seq.Len(), stream, nil)
			if got.outcome() != test.outcome {
				t.Fatalf("%s, want %s", got.outcome(), test.outcome)
			}
			if test.outcome == "reloaded" {
				return
			}
			if want := test.out + "x</body></html>"; string(got.out) != want {
				t.Errorf("out is %q, want %q", got.out, want)
			}
			var put splice.Edit
			for _, edit := range got.edits() {
				if edit.Put != "" {
					put = edit
				}
			}
			if put.Put != test.put || fmt.Sprint(put.At) != test.at {
				t.Errorf("puts %s at %v, want %s at %s", put.Put, put.At, test.put, test.at)
			}
		})
	}
}

// TestShellProperty sends any first part of a page, and joins another page onto it.
func TestShellProperty(t *testing.T) {
	outcomes := make(map[string]int)
	rapid.Check(t, func(t *rapid.T) {
		head, body := domtest.Heads().Draw(t, "known"), domtest.Markup().Draw(t, "body")
		if rapid.IntRange(0, 3).Draw(t, "bad") == 0 {
			body = domtest.MutateMarkup(body).Draw(t, "bad body")
		}
		seq := shell([]byte(domtest.Document(head, body)))
		sent := seq.Len()
		if rapid.IntRange(0, 3).Draw(t, "part") > 0 {
			sent = rapid.IntRange(0, seq.Len()).Draw(t, "sent")
		}
		if rapid.Bool().Draw(t, "another head") {
			head = domtest.Mutations(head).Draw(t, "head")
		}
		if rapid.IntRange(0, 3).Draw(t, "another body") > 0 {
			body = domtest.MutateMarkup(body).Draw(t, "markup")
		}
		stream := []byte(domtest.Document(head, body))
		cuts := rapid.SliceOf(rapid.IntRange(0, len(stream))).Draw(t, "cuts")
		slices.Sort(cuts)
		outcomes[named(check(t, seq, sent, stream, cuts), seq, sent)]++
	})
	t.Logf("outcomes: %v", outcomes)
}

// named is the outcome with how it came to it.
func named(got joined, seq *splice.Sequence, sent int) string {
	name := got.outcome()
	if seq.Shell(sent) {
		name = "shell " + name
	}
	for _, edit := range got.edits() {
		if edit.Cut != "" {
			name += ", rewound"
		}
	}
	return name
}

// TestRewindable counts how many single differences in real pages need no reload: an
// element more, or another text.
func TestRewindable(t *testing.T) {
	names, err := filepath.Glob("../document/testdata/pages/*.html")
	if err != nil || len(names) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, name := range names {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seq := shell(page)
		all, kept := 0, 0
		count := func(stream []byte) {
			got := join(splice.New(seq, seq.Len()), stream)
			checkPage(t, seq, seq.Len(), stream, got)
			all++
			if got.state == splice.Joined {
				kept++
			}
		}
		start := seq.Size(len(seq.Items))
		for at := start + len("</head><body>"); at < len(seq.Bytes); at++ {
			if seq.Bytes[at-1] != '>' {
				continue
			}
			count(slices.Concat(page[:at], []byte("<p class=new>new</p>"), page[at:]))
			if end := strings.IndexByte(string(page[at:]), '<'); end > 0 {
				count(slices.Concat(page[:at], []byte("new"), page[at+end:]))
			}
		}
		t.Logf("%s: a shell of %d of %d bytes, %d of %d differences can be mended", name, len(seq.Bytes), len(page), kept, all)
		if strings.Contains(name, "shop") {
			continue // it ends with a script, which cannot be taken back
		}
		if kept*10 < all*9 {
			t.Errorf("%s: %d of %d differences can be mended", name, kept, all)
		}
	}
}
