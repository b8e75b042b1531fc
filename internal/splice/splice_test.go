package splice_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// items returns the items of a head.
func items(head string) []document.Item {
	return document.ScanHead([]byte(head+"</head>"), true).Items
}

func Example() {
	sent := items("<!doctype html><html><head>\n<link rel=stylesheet href=a.css><script src=a.js></script>")
	s := splice.New(splice.NewSequence(sent), len(sent))
	for _, chunk := range []string{
		"<!doctype html><html><head><ti",
		"tle>Hi</title>\n<link rel=stylesheet href=a.css><script src=a.js></script></head><body>…",
	} {
		for _, part := range s.Next([]byte(chunk)) {
			fmt.Printf("%q\n", part.Bytes)
		}
	}
	fmt.Println(s.State() == splice.Joined, s.Exact(), s.Repairs())
	// Output:
	// "<title>Hi</title>"
	// "</head><body>…"
	// true false false
}

// A changed stylesheet takes the place of the one that was sent.
func ExampleSplicer_Repairs() {
	sent := items("<head><link rel=stylesheet href=a.1.css><script src=a.js></script>")
	s := splice.New(splice.NewSequence(sent), len(sent))
	for _, part := range s.Next([]byte("<head><link rel=stylesheet href=a.2.css><script src=a.js></script></head>")) {
		fmt.Printf("%q\n", part.Bytes)
		for _, edit := range part.Edits {
			fmt.Println(edit.Move.Attrs[1][1], "over", edit.Over.Attrs[1][1])
		}
	}
	// Output:
	// "<link rel=stylesheet href=a.2.css>"
	// a.2.css over a.1.css
	// "</head>"
}

// joined is one response, joined.
type joined struct {
	parts   []splice.Part
	out     []byte // what came out, edits aside
	state   splice.State
	exact   bool
	repairs bool
	depth   int
}

// outcome is what the handler calls it.
func (j joined) outcome() string {
	switch {
	case j.state != splice.Joined:
		return "reloaded"
	case j.exact:
		return "exact"
	case j.repairs:
		return "repaired"
	}
	return "merged"
}

// late returns what came out up to the end of the head.
func (j joined) late(stream []byte) string {
	end := bytes.Index(stream, []byte("</head>"))
	return strings.TrimSuffix(string(j.out), string(stream[end:]))
}

// edits returns all edits.
func (j joined) edits() (all []splice.Edit) {
	for _, part := range j.parts {
		all = append(all, part.Edits...)
	}
	return all
}

// page returns what the visitor has in the end, edits as their markup.
func (j joined) page(seq *splice.Sequence, sent int) []byte {
	page := slices.Clone(seq.Bytes[:seq.Size(sent)])
	for _, part := range j.parts {
		page = append(page, part.Bytes...)
		if len(part.Edits) > 0 {
			page = append(page, recovery.Repair(recovery.Permission{Script: true}, part.Edits, recovery.Repaired{
				Secure: true, URL: "/", Body: seq.Shell(sent),
			})...)
		}
	}
	return page
}

// join feeds a stream to a Splicer in chunks that end at cuts.
func join(s splice.Splicer, stream []byte, cuts ...int) (j joined) {
	add := func(parts []splice.Part) {
		for _, part := range parts {
			j.out = append(j.out, part.Bytes...)
			if n := len(j.parts); n > 0 && len(j.parts[n-1].Edits) == 0 {
				j.parts[n-1].Bytes = append(j.parts[n-1].Bytes, part.Bytes...)
				j.parts[n-1].Edits = part.Edits
				continue
			}
			j.parts = append(j.parts, splice.Part{Bytes: bytes.Clone(part.Bytes), Edits: part.Edits})
		}
	}
	last := 0
	for _, cut := range append(cuts, len(stream)) {
		if cut > last && cut <= len(stream) {
			add(s.Next(slices.Clip(bytes.Clone(stream[last:cut]))))
			last = cut
		}
	}
	add(s.End())
	j.state, j.exact, j.repairs, j.depth = s.State(), s.Exact(), s.Repairs(), s.Depth()
	return j
}

// everywhere returns the cuts that make every chunk one byte.
func everywhere(stream []byte) []int {
	cuts := make([]int, len(stream))
	for i := range cuts {
		cuts[i] = i
	}
	return cuts
}

const start = "<!doctype html><html lang=en><head>"

// What becomes of items that differ, one rule of DESIGN section 6 after the other.
func TestRules(t *testing.T) {
	const (
		css, css2       = "<link rel=stylesheet href=a.css>", "<link rel=stylesheet href=b.css>"
		script, script2 = "<script src=a.js></script>", "<script src=b.js></script>"
		reader          = "<script>x = document.title</script>"
		token, token2   = "<meta name=csrf-token content=a>", "<meta name=csrf-token content=b>"
		title, title2   = "<title>a</title>", "<title>b</title>"
		viewport        = "<meta name=viewport content=a>"
		async           = "<script async src=c.js></script>"
		preload         = "<link rel=preload as=style href=a.css>"
	)
	tests := []struct {
		name         string
		sent, stream string
		outcome      string
		out          string
		edits        int
	}{
		{"equal", css + script, css + script, "exact", "", 0},
		{"a title more", css + script, title + css + script, "merged", title, 0},
		{"a title more, at the end", css + script, css + script + title, "exact", title, 0},
		{"a title more before a script that reads it", css + reader, title + css + reader, "reloaded", "", 0},
		{"a token more", css, token + css, "merged", token, 0},
		{"a token more before a script", css + script, token + css + script, "reloaded", "", 0},
		{"a token more before a module", css + "<script type=module src=a></script>", token + css + "<script type=module src=a></script>", "merged", token, 0},
		{"an async script more", css + script, async + css + script, "merged", async, 0},
		{"a comment more", css, "<!-- 1 -->" + css, "merged", "<!-- 1 -->", 0},
		{"a stylesheet more", css + script, css + css2 + script, "reloaded", "", 0},
		{"a stylesheet more before another", css, css2 + css, "repaired", css2 + css, 1},
		{"a viewport more", css, viewport + css, "reloaded", "", 0},
		{"a script more", css + script, css + script2 + script, "reloaded", "", 0},
		{"a policy more", title + css, "<meta http-equiv=content-security-policy content=x>" + css, "reloaded", "", 0},
		{"a policy more behind a stale title", title, "<meta http-equiv=content-security-policy content=x>", "reloaded", "", 0},
		{"a policy more behind all that was sent", css, css + "<meta http-equiv=content-security-policy content=x>", "exact", "<meta http-equiv=content-security-policy content=x>", 0},
		{"a title before a policy", css + "<meta http-equiv=content-security-policy content=x>", title + css + "<meta http-equiv=content-security-policy content=x>", "merged", title, 0},
		{"a base more", css, "<base href=/>" + css, "reloaded", "", 0},

		{"another order of scripts", script + script2, script2 + script, "reloaded", "", 0},
		{"another order of stylesheets", css + css2, css2 + css, "reloaded", "", 0},
		{"another order of inert items", "<link rel=icon href=a>" + title + css, title + "<link rel=icon href=a>" + css, "merged", "", 0},
		{"a title behind the script that reads it", title + reader, reader + title, "reloaded", "", 0},
		{"a token behind the script that reads it", token + script, script + token, "reloaded", "", 0},
		{"a script twice", script, script + script, "exact", script, 0},
		{"a script once, sent twice", script + script + title, script + title, "reloaded", "", 0},

		{"another title in front", css + title, title2 + css + title, "reloaded", title2, 0},
		{"another icon in front", css + "<link rel=icon href=a>", "<link rel=icon href=b>" + css + "<link rel=icon href=a>", "reloaded", "<link rel=icon href=b>", 0},
		{"icons in another order", "<link rel=icon href=a><link rel='shortcut icon' href=b>" + css, "<link rel='shortcut icon' href=b><link rel=icon href=a>" + css, "reloaded", "", 0},
		{"two titles in another order", title + title2 + css, title2 + title + css, "reloaded", "", 0},
		{"another description behind", "<meta name=description content=a>" + css, "<meta name=description content=a><meta name=description content=b>" + css, "merged", "<meta name=description content=b>", 0},
		{"a policy behind a changed stylesheet", css + async, css2 + "<meta http-equiv=content-security-policy content=x>" + async, "reloaded", css2, 0},
		{"a policy before an async script", css + async, css + "<meta http-equiv=content-security-policy content=x>" + async, "reloaded", "", 0},
		{"a token before an async script", async + css, token + async + css, "reloaded", "", 0},
		{"white space gone", "\n" + css + "\n", css, "merged", "", 0},
		{"a comment gone", "<!-- a -->" + css, css, "merged", "", 0},
		{"a preload gone", preload + css, css, "merged", "", 0},
		{"a title gone", title + css, css, "repaired", "", 1},
		{"a title changed", title + css, title2 + css, "repaired", title2, 1},
		{"a title changed before a script that reads it", title + reader, title2 + reader, "reloaded", "", 0},
		{"a title changed behind a script that reads it", reader + title, reader + title2, "repaired", title2, 1},
		{"a new script that reads a changed title", title + css, title2 + css + reader, "reloaded", title2, 0},
		{"a style gone", "<style>a{}</style>" + css, css, "repaired", "", 1},
		{"a stylesheet gone", css + script, script, "repaired", "", 1},
		{"a stylesheet changed", css + script, css2 + script, "repaired", css2, 1},
		{"two stylesheets changed", css + css2 + script, "<style>c</style><style>d</style>" + script, "repaired", "<style>c</style><style>d</style>", 2},
		{"a stylesheet changed into a script", css + script, script2 + script, "reloaded", "", 0},
		{"a token changed", token + css, token2 + css, "reloaded", token2, 0},
		{"a script gone", css + script, css, "reloaded", "", 0},
		{"a deferred script gone", css + "<script defer src=a></script>", css, "reloaded", "", 0},
		{"a viewport gone", viewport + css, css, "reloaded", "", 0},
		{"a base gone", "<base href=/>" + css, css, "reloaded", "", 0},

		{"what is not understood", css + title, css + "<svg><title>", "repaired", "<svg><title>", 1},
		{"a NUL", css + title, css + "\x00" + title, "reloaded", "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sent := items(start + test.sent)
			stream := []byte(start + test.stream + "</head><body>x</body></html>")
			s := splice.New(splice.NewSequence(sent), len(sent))
			got := join(s, stream)
			if got.outcome() != test.outcome || len(got.edits()) != test.edits {
				t.Fatalf("%s with %d edits, want %s with %d", got.outcome(), len(got.edits()), test.outcome, test.edits)
			}
			if out := got.late(stream); out != test.out {
				t.Errorf("out is %q, want %q", out, test.out)
			}
			checkPage(t, splice.NewSequence(sent), len(sent), stream, got)
		})
	}
}

func TestHTMLTag(t *testing.T) {
	tests := []struct{ name, sent, stream, outcome, out string }{
		{"an attribute more", "<html lang=en>", "<html lang=en id=x>", "merged", "<html lang=en id=x>"},
		{"another order", "<html lang=en dir=ltr>", "<html dir=ltr lang=en>", "merged", "<html dir=ltr lang=en>"},
		{"another value", "<html lang=en>", "<html lang=de>", "repaired", "<html lang=de>"},
		{"an attribute less", "<html lang=en>", "<html>", "repaired", "<html>"},
		{"a value that is no ASCII", "<html lang=en>", "<html lang=\xe4>", "reloaded", ""},
		{"a name that scripts cannot set", "<html lang=en>", "<html lang=de x\"=1>", "repaired", "<html lang=de x\"=1>"},
		{"a name that scripts cannot change", "<html x\"=2>", "<html x\"=1>", "reloaded", ""},
		{"a handler", "<html onload=x>", "<html onload=y>", "reloaded", ""},
		{"no tag", "<html lang=en>", "", "reloaded", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sent := items("<!doctype html>" + test.sent + "<head><link rel=stylesheet href=a>")
			stream := []byte("<!doctype html>" + test.stream + "<head><link rel=stylesheet href=a></head><body>")
			got := join(splice.New(splice.NewSequence(sent), len(sent)), stream)
			if out := got.late(stream); got.outcome() != test.outcome || out != test.out {
				t.Errorf("%s, out %q", got.outcome(), out)
			}
			checkPage(t, splice.NewSequence(sent), len(sent), stream, got)
		})
	}
}

// What stands before the head may not come behind it.
func TestStructure(t *testing.T) {
	const script, preload = "<script>x</script>", "<link rel=preload href=a as=style>"
	tests := []struct{ name, sent, stream, outcome string }{
		{"a changed attribute that a script has seen", "<html lang=en><head>" + script, "<html lang=de><head>" + script, "reloaded"},
		{"a new class that a script has not seen", "<html><head>" + script, "<html class=dark><head>" + script, "reloaded"},
		{"a new id", "<html><head>" + script, "<html id=x><head>" + script, "merged"},
		{"a new class before any script", "<html><head>" + preload, "<html class=dark><head>" + preload + script, "merged"},
		{"a doctype behind a preload", preload, "<!doctype html>" + preload, "reloaded"},
		{"a head behind a preload", preload, "<head class=x>" + preload, "reloaded"},
		{"a changed attribute, and a head with one", "<!doctype html><html title=a>", "<!doctype html><html title=b><head class=x>", "repaired"},
		{"another doctype", "<!doctype html><html>", "<!doctype html SYSTEM><html>", "reloaded"},
	}
	for _, test := range tests {
		sent := items(test.sent)
		stream := []byte(test.stream + "<title>x</title></head><body>y")
		for _, cuts := range [][]int{nil, everywhere(stream)} {
			got := join(splice.New(splice.NewSequence(sent), len(sent)), stream, cuts...)
			if got.outcome() != test.outcome {
				t.Errorf("%s: %s, want %s", test.name, got.outcome(), test.outcome)
			}
			checkPage(t, splice.NewSequence(sent), len(sent), stream, got)
		}
	}
}

// A head in which everything is stale takes no time to speak of: it is loaded
// again.
func TestManyStale(t *testing.T) {
	var known strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&known, "<style>a%d</style>", i)
	}
	sent := items(known.String())
	if got := join(splice.New(splice.NewSequence(sent), len(sent)), []byte("<style>b</style></head>")); got.outcome() != "reloaded" {
		t.Errorf("%s with %d edits", got.outcome(), len(got.edits()))
	}
}

// A lenient Splicer shows whatever comes, and nothing twice.
func TestLenient(t *testing.T) {
	sent := items(start + "<link rel=stylesheet href=a.css><script src=a.js></script><title>a</title>")
	for stream, want := range map[string]string{
		start + "<base href=/><title>Oops</title><script src=a.js></script></head>sorry": "<base href=/><title>Oops</title></head>sorry",
		"sorry":                          "sorry",
		"<title>Oops</title>\x00sorry":   "<title>Oops</title>\x00sorry",
		start + "<script src=a.js></scr": "<script src=a.js></scr",
	} {
		s := splice.New(splice.NewSequence(sent), len(sent))
		s.Lenient()
		got := join(s, []byte(stream))
		if got.state != splice.Joined || string(got.out) != want {
			t.Errorf("%q: state %v, %q, want %q", stream, got.state, got.out, want)
		}
	}
}

// Depth is how much could have been sent.
func TestDepth(t *testing.T) {
	const css, script, title = "<link rel=stylesheet href=a.css>", "<script src=a.js></script>", "<title>a</title>"
	tests := []struct {
		name, stream string
		want         int // of html, head, css, script, title
	}{
		{"all", "<html><head>" + css + script + title, 5},
		{"more inert items", "<html><head><!-- x -->" + css + script + title, 5},
		{"another title", "<html><head>" + css + script + "<title>b</title>", 4},
		{"a script more in between", "<html><head>" + css + "<script>1</script>" + script + title, 3},
		{"a script more at the end", "<html><head>" + css + script + title + "<script>1</script>", 5},
		{"another stylesheet", "<html><head><link rel=stylesheet href=b.css>" + script + title, 2},
		{"another order", "<html><head>" + script + css + title, 2},
		{"cut", "<html><head>" + css + "<script", 3},
		{"empty", "", 0},
	}
	known := items("<html><head>" + css + script + title)
	for _, test := range tests {
		stream := []byte(test.stream)
		if test.want != 3 || test.name != "cut" {
			stream = append(stream, "</head><body>"...)
		}
		for sent := range test.want + 1 {
			for _, cuts := range [][]int{nil, everywhere(stream)} {
				if got := join(splice.New(splice.NewSequence(known), sent), stream, cuts...); got.depth != test.want {
					t.Errorf("%s, %d sent: depth %d, want %d", test.name, sent, got.depth, test.want)
				}
			}
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	sent := items(strings.Repeat("<link rel=stylesheet href=/a.css>\n", 2000))
	seq := splice.NewSequence(sent)
	stream := bytes.Clone(seq.Bytes) // comparing a slice with itself costs nothing
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		s := splice.New(seq, len(sent))
		for at := 0; at < len(stream); at += 32 << 10 {
			s.Next(stream[at:min(at+32<<10, len(stream))])
		}
		if s.State() != splice.Joined {
			b.Fatal("not joined")
		}
	}
}

func BenchmarkPass(b *testing.B) {
	sent := items("<head>")
	chunk := make([]byte, 32<<10)
	s := splice.New(splice.NewSequence(sent), 1)
	s.Next([]byte("<head>"))
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if parts := s.Next(chunk); len(parts) != 1 || len(parts[0].Bytes) != len(chunk) {
			b.Fatal("swallowed")
		}
	}
}

// BenchmarkMerge joins a head of usual size of which the title differs.
func BenchmarkMerge(b *testing.B) {
	links := strings.Repeat("<link rel=stylesheet href=/static/a.css>\n", 40)
	sent := items("<head>" + links)
	seq := splice.NewSequence(sent)
	stream := []byte("<head><title>x</title>" + links + "</head>")
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		s := splice.New(seq, len(sent))
		if s.Next(stream); s.State() != splice.Joined {
			b.Fatal("not joined")
		}
	}
}
