package csp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func ExampleReplacer() {
	r := NewReplacer([]string{"k7+/Zq3Wabc="}, []string{"Fresh1234567"})
	for _, chunk := range []string{`<script nonce="k7&#4`, `3;/Zq3Wabc=">`, `n="k7\u002b\/Zq3Wabc=";k7`} {
		fmt.Printf("%s\n", r.Next([]byte(chunk)))
	}
	fmt.Printf("%s\n", r.End())
	// Output:
	// <script nonce="
	// Fresh1234567">
	// n="Fresh1234567";
	// k7
}

// Every form decodes to its character, by the decoders that a browser's are like,
// and reading one is never ambiguous.
func TestForms(t *testing.T) {
	for c, forms := range formsOf {
		seen := map[string]bool{}
		for i, form := range forms {
			var got string
			var err error
			switch form[0] {
			case '&':
				got = html.UnescapeString(form)
			case '%':
				got, err = url.PathUnescape(form)
			default:
				if got, err = strconv.Unquote(`"` + form + `"`); err != nil { // Go has no \/
					err = json.Unmarshal([]byte(`"`+form+`"`), &got)
				}
			}
			if err != nil || got != string(rune(c)) {
				t.Errorf("%s is %q, not %c: %v", form, got, c, err)
			}
			if seen[form] || i > 0 && len(form) > len(forms[i-1]) {
				t.Errorf("%s comes twice, or behind a shorter one", form)
			}
			seen[form] = true
			for _, other := range forms {
				if form != other && strings.HasPrefix(form, other) {
					t.Errorf("%s starts with %s", form, other)
				}
				if form != other && strings.HasSuffix(form, other) {
					t.Errorf("%s ends with %s", form, other)
				}
			}
			if strings.HasSuffix(form, string(rune(c))) && form != `\/` {
				t.Errorf("%s ends with %c", form, c)
			}
		}
	}
}

func TestAnchor(t *testing.T) {
	if got := []byte(rareFirst); len(got) != len(alphanumeric) || strings.Trim(alphanumeric, rareFirst) != "" {
		t.Errorf("rareFirst has %d characters", len(got))
	}
	for nonce, want := range map[string]string{
		"eeeeQeee":       "Qeee",
		"eeeeeQee":       "eQee",
		"abc+abc":        "",
		"Q+abcd":         "abcd",
		"0123456789ab":   "89ab",
		"Qab-Xabcdefghi": "Xabcdefg",
		"":               "",
	} {
		at, size := anchorOf(nonce)
		if got := nonce[at : at+size]; got != want {
			t.Errorf("anchorOf(%q) = %q, want %q", nonce, got, want)
		}
	}
}

func TestReplaceString(t *testing.T) {
	from := []string{"ab+/cdef==", "aaaaaaaa", "/slash12", "aaaaaaaaXaaa"}
	to := []string{"FIRST", "SECOND", "THIRD", ""}
	for in, want := range map[string]string{
		"":                                   "",
		"plain":                              "plain",
		"ab+/cdef==":                         "FIRST",
		"xab+/cdef==ab+/cdef=":               "xFIRSTab+/cdef=",
		`ab&#43;\/cdef%3D\x3d`:               "FIRST",
		`ab&#X00002B;&sol;cdef&equals;&#61;`: "FIRST",
		`ab&#0000043;/cdef==`:                `ab&#0000043;/cdef==`, // five zeros
		`ab&#43/cdef==`:                      `ab&#43/cdef==`,
		"AB+/CDEF==":                         "AB+/CDEF==",
		"aaaaaaaaaaaaaaaaa":                  "SECONDSECONDa",
		"aaaaaaaaXaaa":                       "",            // the longer of the two that start there
		"aaaaaaaaaXaaa":                      "SECONDaXaaa", // the earlier one
		`\/slash12//slash12%2fslash12`:       "THIRD/THIRDTHIRD",
		`ab+/ab+/cdef==`:                     "ab+/FIRST",
	} {
		if got := NewReplacer(from, to).ReplaceString(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := NewReplacer([]string{"aaaa", "bbbb"}, []string{"bb", "aa"}).ReplaceString("aaaabaaaa"); got != "bbbbb" {
		t.Errorf("what was put in was looked at: %q", got)
	}
}

// What Nonces would refuse is not looked for.
func TestUnfitNonces(t *testing.T) {
	for _, test := range [][2][]string{{{"abcd"}, {}}, {{"abc+abc"}, {"x"}}, {{""}, {"x"}}} {
		const text = "abcd abc+abc"
		if got := NewReplacer(test[0], test[1]).ReplaceString(text); got != text {
			t.Errorf("%q: %q", test, got)
		}
	}
}

// Plain text is passed as it is, and not a byte of it is kept.
func TestPassesThrough(t *testing.T) {
	r := NewReplacer([]string{"qwertyui+"}, []string{"x"})
	for _, text := range []string{"", "<p>", "qwertyuiX", "qwertyui&#44;", strings.Repeat("<div>", 10000)} {
		p := []byte(text)
		if got := r.Next(p); len(got) != len(p) || len(p) > 0 && &got[0] != &p[0] {
			t.Errorf("%.20q: copied or held back", text)
		}
	}
	p := []byte("<p>qwertyui&#")
	if got := r.Next(p); string(got) != "<p>" || &got[0] != &p[0] {
		t.Errorf("%q", got)
	}
}

// reference is what a Replacer has to do, as one regular expression over the
// whole: independent of its code, of its forms too.
func reference(stream []byte, from, to []string) []byte {
	ref := func(hex, dec, name string) string {
		if name != "" {
			name = "|&(?:" + name + ");"
		}
		hex = "(?i:" + hex + ")"
		return `%` + hex + `|\\u00` + hex + `|\\x` + hex + `|&#0{0,4}` + dec + `;|&#[xX]0{0,4}` + hex + `;` + name
	}
	encoded := map[rune]string{
		'+': `\+|` + ref("2b", "43", "plus"),
		'/': `/|\\/|` + ref("2f", "47", "sol"),
		'=': `=|` + ref("3d", "61", "equals"),
		'-': `-|` + ref("2d", "45", ""),
		'_': `_|` + ref("5f", "95", "lowbar|UnderBar"),
	}
	order := make([]int, len(from)) // Go's regexp prefers the first alternative
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(from[b]) - len(from[a]) })
	var expr []string
	for _, i := range order {
		one := ""
		for _, c := range from[i] {
			if e, ok := encoded[c]; ok {
				one += "(?:" + e + ")"
			} else {
				one += string(c)
			}
		}
		expr = append(expr, "("+one+")")
	}
	var out []byte
	last := 0
	for _, m := range regexp.MustCompile(strings.Join(expr, "|")).FindAllSubmatchIndex(stream, -1) {
		out = append(out, stream[last:m[0]]...)
		for j, i := range order {
			if m[2+2*j] >= 0 {
				out = append(out, to[i]...)
			}
		}
		last = m[1]
	}
	return append(out, stream[last:]...)
}

// begins reports whether text is the beginning of nonce in some form, or empty.
func begins(text, nonce string) bool {
	if text == "" || nonce == "" {
		return text == ""
	}
	for _, form := range slices.Concat(formsOf[nonce[0]], []string{nonce[:1]}) {
		if strings.HasPrefix(form, text) || strings.HasPrefix(text, form) && begins(text[len(form):], nonce[1:]) {
			return true
		}
	}
	return false
}

// check is the property: for any chunks the result is the reference's, and what
// is held back is the beginning of a nonce and no more.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, from, to []string, chunks [][]byte,
) {
	t.Helper()
	r := NewReplacer(from, to)
	defer r.Close() // the next one goes on with its buffer
	for range 2 {   // a Replacer can be used again
		var got, stream []byte
		for _, chunk := range chunks {
			stream = append(stream, chunk...)
			p := bytes.Clone(chunk)
			got = append(got, r.Next(p)...)
			if !bytes.Equal(p, chunk) {
				t.Fatalf("the chunk %q became %q", chunk, p)
			}
			clear(p) // it is not kept
			held := string(r.held)
			if !bytes.HasSuffix(stream, r.held) || len(held) > 0 && len(held) >= r.longest ||
				!slices.ContainsFunc(from, func(nonce string) bool { return begins(held, nonce) }) {
				t.Fatalf("of %q in %q, %q is held back for %q", stream, chunks, held, from)
			}
		}
		got = append(got, r.End()...)
		if want := reference(stream, from, to); !bytes.Equal(got, want) {
			t.Fatalf("from %q to %q:\n%q became\n%q, want\n%q", from, to, chunks, got, want)
		}
	}
}

// nonces that share anchors, overlap themselves and each other, begin with each
// other's ends, and begin and end with characters that have forms.
var trickyNonces = []string{
	"aaaa", "aaaaaaaaa", "aaaaX", "Xaaaa", "aaaa+", "+aaaa", "=aaaa=", "/aaaa/", "//aaaa", "aaaa/aaaa", "-aaaa_",
	"aaaa+bbbb", "bbbb+aaaa", "bbbb/aaaa", "2baaaa", "a/2faaaa", "+2b+2baaaa", "43aaaa", "abcabcabc", "abcabc/abc",
	"x002Babab", "plusaaaa", "s/solaaaa", "/+=-_aaaa_-=+/", "Zq3W9+k/Xa0-b_c=",
}

// draw makes nonces, and a stream in chunks with these and parts of them in
// random forms, from random numbers: pick(n) is one from 0 to n-1.
func draw(pick func(n int) int) (from, to []string, chunks [][]byte) {
	for range 1 + pick(MaxNonces) {
		if nonce := trickyNonces[pick(len(trickyNonces))]; !slices.Contains(from, nonce) {
			from = append(from, nonce)
			to = append(to, []string{"", "aa", "aaaa", "fresh", "aaaaaaaaaaaaXaaaa"}[pick(5)])
		}
	}
	scraps := []string{"a", "aaaa", "b", "X", " ", "/", `\`, "%", "&", "&#", ";", "+", "=", "2b", "2F", "\xff", "<p>"}
	var stream []byte
	for range pick(24) {
		if pick(3) == 0 {
			stream = append(stream, scraps[pick(len(scraps))]...)
			continue
		}
		nonce := from[pick(len(from))]
		encode := pick(3)
		start := len(stream)
		for _, c := range []byte(nonce) {
			if forms := formsOf[c]; len(forms) > 0 && encode > 0 && pick(3) > 0 {
				stream = append(stream, forms[pick(len(forms))]...)
			} else {
				stream = append(stream, c)
			}
		}
		if pick(3) == 0 { // but for some of its end
			stream = stream[:start+pick(len(stream)-start+1)]
		}
	}
	longest := []int{1, 2, 5, 20, 60, 1000}[pick(6)]
	for len(stream) > 0 {
		n := min(1+pick(longest), len(stream))
		chunks = append(chunks, stream[:n])
		stream = stream[n:]
	}
	return from, to, chunks
}

func TestReplacerProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to, chunks := draw(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		check(t, from, to, chunks)
	})
}

func FuzzReplacer(f *testing.F) {
	f.Add([]byte{3, 1, 1, 5, 2, 7, 3, 9, 20, 1, 0, 2, 1, 1, 30, 2, 1, 1, 1, 2, 1, 1, 8, 0, 0, 1})
	f.Add(bytes.Repeat([]byte{2, 1, 17, 3, 8, 1, 2}, 40))
	f.Add([]byte{0, 24, 3, 23, 1, 0, 2, 1, 6, 1, 3, 2, 2, 1, 9, 2})
	f.Fuzz(func(t *testing.T, numbers []byte) {
		from, to, chunks := draw(func(n int) int {
			if len(numbers) == 0 {
				return 0
			}
			picked := int(numbers[0]) % n
			numbers = numbers[1:]
			return picked
		})
		check(t, from, to, chunks)
	})
}

// A nonce is found at every place and with every cut, also in small chunks.
func TestCuts(t *testing.T) {
	nonce := "k7+/Zq3W9a-_bc=="
	for _, form := range []string{nonce, `k7&#x2b;\/Zq3W9a%2D&UnderBar;bc\u003d\x3D`} {
		stream := []byte("<a b=" + form + form + "k7+/>" + strings.Repeat("plain ", 30))
		for cut := range len(stream) + 1 {
			check(t, []string{nonce}, []string{"fresh"}, [][]byte{stream[:cut], stream[cut:]})
			check(t, []string{nonce}, []string{"fresh"}, slices.Collect(slices.Chunk(stream, cut+1)))
		}
	}
}

// page is HTML with a nonce about every 4 KiB, one of four encoded.
func page(nonce string, size int) []byte {
	encoded := strings.NewReplacer("+", "&#43;", "/", `\/`, "=", "&#x3D;").Replace(nonce)
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		if i%4 == 0 {
			fmt.Fprintf(&b, "<script nonce=\"%s\">window.__q=window.__q||[];</script>\n", encoded)
		} else {
			fmt.Fprintf(&b, "<script src=\"/assets/app.%dQ7fK.js\" nonce=\"%s\" defer></script>\n", i, nonce)
		}
		for end := b.Len() + 4<<10; b.Len() < end; {
			fmt.Fprintf(&b, "<article id=\"post-%d\" class=\"Card Card--wide mt-4 px-2\" data-id='{\"Kind\":\"Q%d\"}'>\n"+
				"  <h2><a href=\"/2024/%d/Why-we-moved?utm=Z%d&amp;x=1\">Why We Moved &#8211; part %d</a></h2>\n"+
				"  <p>The quick brown fox jumps over the lazy dog, and XML was 37%% of it.</p>\n</article>\n",
				b.Len(), i, i%12, b.Len(), i)
		}
	}
	return b.Bytes()[:size]
}

const benchNonce = "Zt+9mR/yC4kQe1bHs7Wd0A=="

func TestNoAllocations(t *testing.T) {
	r := NewReplacer([]string{benchNonce}, []string{Fresh(len(benchNonce))})
	stream := page(benchNonce, 256<<10)
	for _, size := range []int{100, 5000, 32 << 10} {
		run := func() {
			for chunk := range slices.Chunk(stream, size) {
				r.Next(chunk)
			}
			r.End()
		}
		run()
		if n := testing.AllocsPerRun(5, run); n != 0 {
			t.Errorf("%v allocations in chunks of %d", n, size)
		}
	}
}

func BenchmarkReplacer(b *testing.B) {
	second := "mG5vXo2u8nEJx6LrqTfYPw=="
	for _, bench := range []struct {
		name  string
		from  []string
		chunk int
	}{
		{"one", []string{benchNonce}, 32 << 10},
		{"two", []string{benchNonce, second}, 32 << 10},
		{"common letters", []string{"eastern+entities"}, 32 << 10},
		{"absent", []string{second}, 32 << 10},
		{"small chunks", []string{benchNonce}, 512},
	} {
		b.Run(bench.name, func(b *testing.B) {
			stream := page(bench.from[0], 1<<20)
			if bench.name == "absent" {
				stream = page(benchNonce, 1<<20)
			}
			var to []string
			for _, nonce := range bench.from {
				to = append(to, Fresh(len(nonce)))
			}
			r := NewReplacer(bench.from, to)
			for chunk := range slices.Chunk(stream, bench.chunk) {
				r.Next(chunk) // warms its buffer
			}
			r.End()
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				for at := 0; at < len(stream); at += bench.chunk {
					r.Next(stream[at:min(at+bench.chunk, len(stream))])
				}
				r.End()
			}
		})
	}
}
