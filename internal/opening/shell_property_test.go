package opening

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/domtest"
)

// pieces is what the generated bodies are made of, in good order or not.
var pieces = []string{
	"<p>", "</p>", "<nav>", "</nav>", "<div id=x>", "</div>", "<ul><li>", "<li>", "</ul>", "<b>", "</b>", "<hr>", "<pre>", "</pre>",
	"\n", "x", "<a href=/>Home</a>", "<img src=a>", "<!-- x -->", "<textarea>\nx</textarea>", "<template><p>x</template>",
	"<table><tr><td>x</table>", "<script>f()</script>", "<script>document.title='x'</script>", "<script src=a.js async></script>",
	"<script src=a.js defer></script>", "<p onclick=f()>", "<style>p{}</style>", "<svg><path/></svg>", "<form>", "</form>",
}

var (
	simple = rapid.SampledFrom(pieces)
	every  = rapid.OneOf(simple, simple, domtest.Markup())
)

// drawBody generates a body that is like another up to somewhere, or all of it.
func drawBody(t *rapid.T, like []string, piece *rapid.Generator[string]) []string {
	rest := rapid.SliceOfN(piece, 0, 12).Draw(t, "rest of the body")
	if rapid.IntRange(0, 2).Draw(t, "as before") == 0 {
		rest = nil
	}
	at := len(like)
	if len(rest) > 0 {
		at = rapid.IntRange(0, len(like)).Draw(t, "up to")
	}
	return slices.Concat(like[:at], rest)
}

// seen is a response of a property test.
type seen struct {
	head []string
	body string
}

func (s seen) document() string { return domtest.Document(s.head, s.body) }

// Whatever was observed: what is sent of a body all responses that count begin with,
// it ends at a point of each, and nothing in it is sent before an item of the head
// that it must not pass.
func TestShellProperty(t *testing.T) {
	shells := 0
	rapid.Check(t, func(t *rapid.T) {
		p := newShellTrial()
		p.rules.EarlyAsync = rapid.Bool().Draw(t, "early_async")
		first := domtest.Heads().Draw(t, "head")
		pieces := drawBody(t, nil, simple)
		var pages []seen
		for range rapid.IntRange(3, 6).Draw(t, "responses") {
			head := first
			if rapid.IntRange(0, 2).Draw(t, "as before") == 0 {
				head = domtest.Mutations(first).Draw(t, "observed")
			}
			page := seen{head, strings.Join(drawBody(t, pieces, simple), "")}
			o, reason, _ := Observe(Headers{{name: "Content-Type", values: []string{"text/html; charset=utf-8"}}}, []byte(page.document()), true, Scope{Shell: true})
			if reason != "" {
				continue
			}
			pages = append(pages, page)
			p.answer(Answer{Observation: o, Depth: -1})
		}
		o := p.opening(variantKey{})
		if len(pages) < 3 || o == nil {
			return
		}
		f := o.learned(p.rules)
		for _, page := range pages[len(pages)-3:] {
			checkShell(t, f, page, p.rules)
		}
		if f.sequence.Shell(f.sequence.Len()) {
			shells++
		}
		if r := o.records[0]; f.bars == "" && r.proved(p.rules, instantOf(p.now)) != f.sequence.Len() {
			t.Fatalf("%d of %d steps are proved", r.proved(p.rules, instantOf(p.now)), f.sequence.Len())
		}
	})
	if t.Logf("%d shells", shells); shells == 0 {
		t.Error("there was no shell at all")
	}
}

func checkShell(t *rapid.T, f *form, page seen, rules Rules) {
	t.Helper()
	head := document.ScanHead([]byte(page.document()), true)
	rest := []byte(page.document())[head.Size:]
	points := document.ScanBody(rest, true, nil).Points
	sent := f.sequence.Head(len(f.sequence.Items))
	for depth := len(sent) + 1; depth <= f.sequence.Len(); depth++ {
		body := f.sequence.Body(depth)
		if !bytes.HasPrefix(rest, body) {
			t.Fatalf("%q is sent, the response has %q", body, rest)
		}
		if !slices.ContainsFunc(points, func(p document.Point) bool { return p.Offset == len(body) }) {
			t.Fatalf("%q does not end at a point of %q", body, rest)
		}
		contains := func(markup ...string) bool {
			return slices.ContainsFunc(markup, func(s string) bool { return bytes.Contains(body, []byte(s)) })
		}
		if contains("async") && !rules.EarlyAsync {
			t.Fatalf("an async script is in %q", body)
		}
		for _, item := range head.Items {
			if slices.ContainsFunc(sent, func(s document.Item) bool { return same(s, item) }) || item.Kind == document.HTML {
				continue
			}
			raw := string(item.Raw)
			switch {
			case strings.HasPrefix(raw, "<title"):
				if contains(".title") {
					t.Fatalf("%q is sent before the title", body)
				}
			case strings.Contains(raw, "csrf-token"), strings.Contains(raw, "application/json"):
				if contains("<script>", "async", "onclick") {
					t.Fatalf("%q is sent before %s", body, item.Raw)
				}
			case item.Class == document.Barrier && !item.Has(document.Harmless|document.Async):
				t.Fatalf("%q is sent before %s", body, item.Raw)
			}
		}
	}
}

// What a head keeps of a body gives the same bytes again, and the same points, alone
// or shared with other pages. A point of one document is one of all that begin so.
func TestBodyProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := NewHost(new(atomic.Int64))
		first := drawBody(t, nil, every)
		for page, body := range [][]string{first, drawBody(t, first, every), first} {
			body := strings.Repeat(strings.Join(body, ""), rapid.SampledFrom([]int{1, 1, 50}).Draw(t, "times"))
			o, _, _ := Observe(nil, []byte(domtest.Document([]string{"<title>x</title>"}, body)), true, Scope{Shell: true})
			_, got := newHead(host, o, uint32(page+1)).decode()
			points := slices.EqualFunc(got.Points, o.Body.Points, func(a, b document.Point) bool { return a.Offset == b.Offset })
			if !bytes.Equal(got.Bytes, o.Body.Bytes) || !points || !slices.Equal(got.Marks, o.Body.Marks) {
				t.Fatalf("observed %v, kept %v", o.Body, got)
			}
			for range min(len(o.Body.Points), 8) {
				i := rapid.IntRange(0, len(o.Body.Points)-1).Draw(t, "point")
				n := o.Body.Points[i].Offset
				again := document.ScanBody(got.Bytes[:n], false, nil)
				if !slices.Equal(again.Points, o.Body.Points[:i+1]) {
					t.Fatalf("point %d is not there when the body ends there: %q", i, got.Bytes[:n])
				}
				marks := slices.DeleteFunc(slices.Clone(o.Body.Marks), func(m document.Mark) bool { return m.Offset >= n })
				if !slices.Equal(again.Marks, marks) {
					t.Fatalf("marks %v, up to %d they were %v", again.Marks, n, marks)
				}
			}
		}
	})
}

// What a window makes is the same when it is made again: nothing is missed of what is
// not kept.
func TestWindowProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := Rules{LearnAfter: rapid.IntRange(1, 4).Draw(t, "learn_after"), Public: rapid.Bool().Draw(t, "public"), Shell: true}
		o, host := new(Opening), NewHost(new(atomic.Int64))
		body := slices.Repeat(drawBody(t, nil, every), rapid.SampledFrom([]int{1, 40}).Draw(t, "times")) // of some blocks
		for i := range rapid.IntRange(1, 10).Draw(t, "responses") {
			obs := see(domtest.Document([]string{css}, strings.Join(drawBody(t, body, every), "")))
			network := uint32(rapid.IntRange(0, 8).Draw(t, "network"))
			o.observe(newHead(host, obs, 1), vote{good: true, browser: true, network: network, agent: uint32(i)}, rules, 0)
			again := newForm(o.window, rules)
			if n := o.form.sequence.Common(again.sequence); n != o.form.sequence.Len() || n != again.sequence.Len() {
				t.Fatalf("%q, made again %q", o.form.sequence.Bytes, again.sequence.Bytes)
			}
			for i := range o.window {
				if got, want := again.bears(i), o.form.bears(i); got != want {
					t.Fatalf("vote %d bears it out: %v, made again %v", i, want, got)
				}
			}
			_, kept := o.window[len(o.window)-1].head.decode()
			if !bytes.Equal(kept.Bytes, obs.Body.Bytes) {
				t.Fatalf("of the newest %q is kept, not %q", kept.Bytes, obs.Body.Bytes)
			}
		}
	})
}
