package splice_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// fataler is what a property reports to.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// checkPage is the property: what the visitor has in the end is the backend's
// page, as another parser sees it.
func checkPage(t fataler, seq *splice.Sequence, sent int, stream []byte, got joined) {
	t.Helper()
	if got.state != splice.Joined {
		return
	}
	page := got.page(seq, sent)
	if got.exact {
		if !bytes.Equal(page, stream) {
			t.Fatalf("page %q, stream %q", page, stream)
		}
		return
	}
	if got.repairs && bytes.Contains(got.parts[len(got.parts)-1].Bytes, []byte("<html")) {
		return // it adds to what the script has set; domtest runs the script at the end
	}
	err := domtest.Check(stream, page, got.outcome(), recovery.Prefix)
	if err != nil && !errors.Is(err, domtest.ErrNotParsed) {
		t.Fatalf("%s: %v\nbackend %s\nvisitor %s", got.outcome(), err, stream, page)
	}
}

// check joins a stream in several ways, and checks each.
func check(t fataler, seq *splice.Sequence, sent int, stream []byte, cuts []int) joined {
	t.Helper()
	whole := join(splice.New(seq, sent), stream)
	checkPage(t, seq, sent, stream, whole)
	for _, cuts := range [][]int{cuts, everywhere(stream)} {
		parts := join(splice.New(seq, sent), stream, cuts...)
		if parts.outcome() != whole.outcome() || parts.depth != whole.depth ||
			whole.state == splice.Joined && !slices.EqualFunc(parts.parts, whole.parts, samePart) {
			t.Fatalf("chunks matter: %s, depth %d, %q; whole %s, depth %d, %q; %d cuts of %q",
				parts.outcome(), parts.depth, parts.out, whole.outcome(), whole.depth, whole.out, len(cuts), stream)
		}
	}
	if whole.outcome() == "exact" || whole.outcome() == "merged" {
		if whole.depth < sent {
			t.Fatalf("%s, but the depth is %d of %d sent", whole.outcome(), whole.depth, sent)
		}
	}
	// What is said to be good to send is good to send.
	if deep := join(splice.New(seq, whole.depth), stream); deep.outcome() != "exact" && deep.outcome() != "merged" {
		t.Fatalf("depth %d (with %d sent), but to send that much is %s\nknown %q\nstream %q",
			whole.depth, sent, deep.outcome(), seq.Bytes, stream)
	}
	return whole
}

// samePart reports whether two parts say the same.
func samePart(a, b splice.Part) bool {
	return bytes.Equal(a.Bytes, b.Bytes) && reflect.DeepEqual(a.Edits, b.Edits)
}

// TestSplicerProperty sends any first part of a head, some items left out, and
// joins another head onto it.
func TestSplicerProperty(t *testing.T) {
	outcomes := make(map[string]int)
	rapid.Check(t, func(t *rapid.T) {
		known := domtest.Heads().Draw(t, "known")
		answer := known
		switch rapid.IntRange(0, 9).Draw(t, "answer") {
		case 0:
			answer = domtest.Heads().Draw(t, "another head")
		case 1:
		default:
			for range rapid.IntRange(1, 3).Draw(t, "mutations") {
				answer = domtest.Mutations(answer).Draw(t, "mutated")
			}
		}
		seq := sequence(t, []byte(domtest.Document(known, "")))
		sent := rapid.IntRange(0, len(seq.Items)).Draw(t, "sent")
		stream := []byte(domtest.Document(answer, domtest.Bodies().Draw(t, "body")))
		cuts := rapid.SliceOf(rapid.IntRange(0, len(stream))).Draw(t, "cuts")
		slices.Sort(cuts)
		outcomes[check(t, seq, sent, stream, cuts).outcome()]++
	})
	t.Logf("outcomes: %v", outcomes)
}

// sequence makes a sequence of a page's head, and leaves out some of what may
// come late.
func sequence(t *rapid.T, page []byte) *splice.Sequence {
	var kept, left []document.Item
	for _, item := range document.ScanHead(page, true).Items {
		late := item.Has(document.Async) || item.Class == document.Inert && rapid.IntRange(0, 4).Draw(t, "leave out") == 0
		blocked := slices.ContainsFunc(left, func(l document.Item) bool { return !l.PassedBy(item) })
		switch {
		case blocked:
			return splice.NewSequence(kept)
		case late:
			left = append(left, item)
		default:
			kept = append(kept, item)
		}
	}
	return splice.NewSequence(kept)
}

// mutate makes other documents of one, that are near to it: items of its head
// left out, doubled, swapped, changed, and tags of its body.
func mutate(b []byte) (all [][]byte) {
	head := document.ScanHead(b, true)
	add := func(order ...int) {
		var m []byte
		for _, i := range order {
			m = append(m, head.Items[i].Raw...)
		}
		all = append(all, append(m, b[head.Size:]...))
	}
	order := make([]int, len(head.Items))
	for i := range order {
		order[i] = i
	}
	all = append(all, b)
	for i := range order {
		add(slices.Delete(slices.Clone(order), i, i+1)...)
		add(slices.Insert(slices.Clone(order), i, i)...)
		if i > 0 {
			swapped := slices.Clone(order)
			swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
			add(swapped...)
		}
		at := 0
		for _, item := range head.Items[:i] {
			at += len(item.Raw)
		}
		for _, insert := range []string{"<title>new</title>", "<meta name=token content=new>", "<link rel=stylesheet href=new>", "<script>n()</script>"} {
			all = append(all, slices.Concat(b[:at], []byte(insert), b[at:]))
		}
	}
	for at := head.Size; at < len(b); at++ { // a tag, a text or a comment less, and one more
		if b[at] != '<' {
			continue
		}
		if end := bytes.IndexByte(b[at:], '>'); end > 0 {
			all = append(all, slices.Concat(b[:at], b[at+end+1:]))
		}
		for _, insert := range []string{"<p>", "</p>", "<b>", "x", "<!---->"} {
			all = append(all, slices.Concat(b[:at], []byte(insert), b[at:]))
		}
	}
	return all
}

// Every document of html5lib-tests is the backend's response to pages that were
// learned from documents near it: equal in the end, or refused.
func TestHTML5Lib(t *testing.T) {
	outcomes := make(map[string]int)
	pages := domtest.HTML5Lib(t)
	for _, page := range pages {
		for _, learned := range mutate(page) {
			seq := shell(learned)
			for sent := range seq.Len() + 1 {
				outcomes[named(check(t, seq, sent, page, nil), seq, sent)]++
			}
		}
	}
	t.Logf("%d documents: %v", len(pages), outcomes)
}

func FuzzSplicer(f *testing.F) {
	f.Add([]byte("<head><title>a</title><link rel=stylesheet href=a><script src=b></script></head>"),
		[]byte("<head><title>b</title><link rel=stylesheet href=a><script src=b></script></head><body>"), uint8(9), uint8(7))
	f.Add([]byte("<!doctype html><html lang=a><head><style>a</style></head>"),
		[]byte("<!doctype html><html lang=b id=c><head><style>b</style><!-- x --></head>"), uint8(3), uint8(20))
	f.Add([]byte("<head></head><body><ul><li>a<li>b</ul><form><p>c</p>"),
		[]byte("<head><title>x</title></head><body><ul><li>a<li>c</ul><form><p>c</p></body>"), uint8(99), uint8(50))
	f.Fuzz(func(t *testing.T, learned, stream []byte, sent, cut uint8) {
		if len(learned) > 2048 || len(stream) > 2048 {
			return
		}
		seq := shell(learned)
		check(t, seq, min(int(sent), seq.Len()), stream, []int{int(cut)})
	})
}

// A changed, inserted, removed, swapped and doubled item of each class: how often
// does each script run?
func TestScriptsRunOnce(t *testing.T) {
	classes := map[string]string{
		"inert": "<title>T%d</title>", "readable": "<meta name=csrf content=%d>", "viewport": "<meta name=viewport content=%d>",
		"base": "<base href=/%d/>", "style": "<style>a{top:%d}</style>", "stylesheet": "<link rel=stylesheet href=/%d.css>",
		"inline": "<script>run(%d)</script>", "sync": "<script src=/%d.js></script>", "defer": "<script defer src=/d%d.js></script>",
		"module": "<script type=module>run(%d)</script>", "async": "<script async src=/a%d.js></script>",
		"import map": `<script type=importmap>{"imports":{"a":"/%d.js"}}</script>`, "data": "<script type=application/json>%d</script>",
		"policy": "<meta http-equiv=content-security-policy content='img-src %d'>", "comment": "<!-- %d -->",
		"noscript": "<noscript><link href=%d></noscript>", "template": "<template><p>%d</template>",
	}
	outcomes := make(map[string]map[string]int)
	for name, format := range classes {
		outcomes[name] = make(map[string]int)
		one, two := fmt.Sprintf(format, 1), fmt.Sprintf(format, 2)
		for place := range 4 {
			others := []string{"<link rel=stylesheet href=x>", "<script src=y></script>", "<meta name=z content=z>"}
			page := func(parts ...string) []byte {
				head := slices.Insert(slices.Clone(others), place, parts...)
				return []byte(domtest.Document(head, "<p>x"))
			}
			for change, answer := range map[string][]byte{
				"changed": page(two), "removed": page(), "inserted": page(one, two), "doubled": page(one, one),
				"moved": []byte(domtest.Document(append([]string{one}, others...), "<p>x")),
			} {
				known := document.ScanHead(page(one), true).Items
				known = slices.DeleteFunc(known, func(i document.Item) bool { return i.Has(document.Async) })
				for sent := range len(known) + 1 {
					got := check(t, splice.NewSequence(known), sent, answer, nil)
					outcomes[name][got.outcome()]++
					if got.state == splice.Joined {
						runOnce(t, known[:sent], answer, got, name+" "+change)
					}
				}
			}
		}
	}
	for name, counts := range outcomes {
		t.Logf("%-12s %v", name, counts)
	}
}

// runOnce counts scripts, independently of their order: those in the page, and
// those that were in it before it was edited.
func runOnce(t *testing.T, sent []document.Item, stream []byte, got joined, name string) {
	t.Helper()
	var page []byte
	for _, item := range sent {
		page = append(page, item.Raw...)
	}
	page = append(page, got.out...)
	want, have := scripts(t, stream), scripts(t, page)
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Fatalf("%s (%s): scripts %q, want %q", name, got.outcome(), have, want)
	}
}

func scripts(t *testing.T, page []byte) (all []string) {
	t.Helper()
	doc, err := domtest.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "script" {
			var b bytes.Buffer
			if err := html.Render(&b, n); err != nil {
				t.Fatal(err)
			}
			all = append(all, b.String())
		}
	}
	return all
}
