package document

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func ExampleScanHead() {
	page := "<!doctype html>\n<html><head><title>Hi</title><script src=a.js></script></head><body>…"
	head := ScanHead([]byte(page), true)
	for _, item := range head.Items {
		fmt.Printf("%q\n", item.Raw)
	}
	fmt.Println(head.End)
	// Output:
	// "<!doctype html>"
	// "\n"
	// "<html>"
	// "<head>"
	// "<title>Hi</title>"
	// "<script src=a.js></script>"
	// head_end
}

// items renders items one per line, for comparison.
func items(head Opening) (out []string) {
	for _, item := range head.Items {
		out = append(out, string(item.Raw))
	}
	return out
}

func TestScanHead(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		end      End
	}{
		{"empty", "", nil, Truncated},
		{"implied tags", "<title>x</title><p>", []string{"<title>x</title>"}, Implied},
		{"text ends the head", "<head>\n x", []string{"<head>", "\n "}, Implied},
		{"body ends the head", "<head><link href=a><body>", []string{"<head>", "<link href=a>"}, Implied},
		{"byte order mark", "\xef\xbb\xbf<!doctype html></head>", []string{"\xef\xbb\xbf", "<!doctype html>"}, HeadEnd},
		{"UTF-16", "\xff\xfe<\x00h\x00", nil, Encoding},
		{"NUL", "<head><title>a\x00b</title>", []string{"<head>"}, NullByte},
		{"NUL in a tag", "<head><link href=\x00>", []string{"<head>"}, NullByte},
		{"second head", "<head><head>", []string{"<head>"}, Misplaced},
		{"head after a child", "<title></title><head>", []string{"<title></title>"}, Misplaced},
		{"second html", "<html><head><html lang=x>", []string{"<html>", "<head>"}, Misplaced},
		{"late doctype", "<head><!doctype html>", []string{"<head>"}, Misplaced},
		{"stray end tag", "<head></p>", []string{"<head>"}, Misplaced},
		{"frameset", "<head><title></title><frameset>", []string{"<head>", "<title></title>"}, Implied},
		{"plaintext", "<head><plaintext></head>", []string{"<head>"}, Implied},
		{"comment", "<head><!-- a --><!--b-->", []string{"<head>", "<!-- a -->", "<!--b-->"}, Truncated},
		{"conditional comment", "<!--[if IE]><link><![endif]--></head>", []string{"<!--[if IE]><link><![endif]-->"}, HeadEnd},
		{"comment with lines of dashes", "<!-- ---- x ---- --></head>", []string{"<!-- ---- x ---- -->"}, HeadEnd},
		{"abrupt comment", "<head><!--><title></title>-->", []string{"<head>"}, BadComment},
		{"comment ended by a bang", "<head><!-- a --!><title></title>", []string{"<head>"}, BadComment},
		{"bogus comment", "<?xml version=1?><head>", nil, BadComment},
		{"downlevel-revealed comment", "<head><![if !IE]><link>", []string{"<head>"}, BadComment},
		{"script", "<head><script>a<b;'</p>'</script></head>", []string{"<head>", "<script>a<b;'</p>'</script>"}, HeadEnd},
		{"escaped script", "<head><script><!-- <script> </script> --></script></head>", []string{"<head>", "<script><!-- <script> </script> --></script>"}, HeadEnd},
		{"empty script", "<head><script src=a></script></head>", []string{"<head>", "<script src=a></script>"}, HeadEnd},
		{"script that is escaped and not closed", "<head><script><!-- <script> </script></head>", []string{"<head>"}, Unclosed},
		{"script that begins an escape and ends it", "<head><script><!--><script></script></head>", []string{"<head>", "<script><!--><script></script>"}, HeadEnd},
		{"script in an escape", "<head><script><!-- </script></head>", []string{"<head>", "<script><!-- </script>"}, HeadEnd},
		{"raw text in a select in a template", "<head><template><select><title></template></title></select></template>", []string{"<head>"}, Foreign},
		{"style in a template", "<head><template><style></template></style></template></head>", []string{"<head>", "<template><style></template></style></template>"}, HeadEnd},
		{"quoted angle brackets", "<head><meta content='>' name=\">\"></head>", []string{"<head>", "<meta content='>' name=\">\">"}, HeadEnd},
		{"a tag with too many attributes", "<head><link" + manyAttributes(300) + "></head>", []string{"<head>"}, Ambiguous},
		{"unclosed script", "<head><script>a", []string{"<head>"}, Unclosed},
		{"unclosed title", "<head><title>a</head>", []string{"<head>"}, Unclosed},
		{"self-closed script", "<head><script src=a /></head>", []string{"<head>"}, SelfClosed},
		{"self-closed link", "<head><link href=a /></head>", []string{"<head>", "<link href=a />"}, HeadEnd},
		{"upper case", "<HEAD><TITLE>a</TITLE></HEAD>", []string{"<HEAD>", "<TITLE>a</TITLE>"}, HeadEnd},
		{"noscript", "<head><noscript><link href=a><style>b</style></noscript></head>", []string{"<head>", "<noscript><link href=a><style>b</style></noscript>"}, HeadEnd},
		{"noscript with an image", "<head><noscript><img src=a></noscript></head>", []string{"<head>"}, NoScript},
		{"noscript that a style swallows", "<head><noscript><style></noscript></style></noscript>", []string{"<head>"}, NoScript},
		{"noscript that a comment swallows", "<head><noscript><!--</noscript>--></noscript>", []string{"<head>"}, NoScript},
		{"template", "<head><template><p><template></template>x</template></head>", []string{"<head>", "<template><p><template></template>x</template>"}, HeadEnd},
		{"svg in a template", "<head><template><svg><style><a></style></svg></template>", []string{"<head>"}, Foreign},
		{"unclosed template", "<head><template><template></template>", []string{"<head>"}, Unclosed},
		{"a name with a letter like one of ASCII", "<head><lin\u212a href=a></head>", []string{"<head>"}, Implied},
		{"unterminated tag", "<head><link href=a", []string{"<head>"}, Truncated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ScanHead([]byte(test.in), true)
			if diff := cmp.Diff(test.want, items(got)); diff != "" {
				t.Error(diff)
			}
			if got.End != test.end {
				t.Errorf("end = %s, want %s", got.End, test.end)
			}
			checkScan(t, []byte(test.in))
		})
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d", i)
	}
	return b.String()
}

func TestCharset(t *testing.T) {
	late := strings.Repeat("<!-- a comment of some length, so that the meta element comes late -->\n", 20)
	for in, want := range map[string]string{
		"<head><meta charset=UTF-8>": "utf-8",
		"<head><meta http-equiv=content-type content='text/html; charset=ISO-8859-1'>": "iso-8859-1",
		"<head><meta http-equiv=content-type content='text/html'>":                     "",
		"<head><meta name=x content='charset=a'>":                                      "",
		"\xef\xbb\xbf<head><meta charset=latin1>":                                      "utf-8",
		"<head><meta charset=a><meta charset=b>":                                       "a",
		late + "<head><meta charset=utf-8>":                                            "",
		"<head><meta charset=\" utf-8 \">":                                             "utf-8",
	} {
		if got := ScanHead([]byte(in+"</head>"), true).Charset; got != want {
			t.Errorf("%.60q: charset %q, want %q", in, got, want)
		}
	}
}

// checkScan is the property of every input.
func checkScan(t *testing.T, b []byte) {
	t.Helper()
	whole := ScanHead(b, true)
	var joined []byte
	for _, item := range whole.Items {
		if len(item.Raw) == 0 {
			t.Fatalf("%q: an empty item", b)
		}
		joined = append(joined, item.Raw...)
	}
	if !bytes.Equal(joined, b[:whole.Size]) {
		t.Fatalf("%q: items are %q", b, joined)
	}
	checkChunks(t, b, whole)
	// The first part of an input gives the first of its items.
	for n := range b {
		part := ScanHead(b[:n], false)
		if part.Size > whole.Size {
			t.Fatalf("%q: of the first %d bytes %d are items, of all %d", b, n, part.Size, whole.Size)
		}
		for i, item := range part.Items {
			// White space may go on.
			if other := whole.Items[i]; item.Kind != other.Kind || !bytes.HasPrefix(other.Raw, item.Raw) {
				t.Fatalf("%q: item %d is %q, in the first %d bytes %q", b, i, other.Raw, n, item.Raw)
			}
		}
	}
	// A document cut after an item is open at the head, with and without
	// scripting.
	cut := 0
	for _, item := range whole.Items {
		cut += len(item.Raw)
		for _, scripting := range []bool{true, false} {
			checkCut(t, b[:cut], scripting)
		}
	}
}

// checkChunks gives a Scanner the input byte by byte.
func checkChunks(t *testing.T, b []byte, whole Opening) {
	t.Helper()
	s := NewScanner(len(b))
	var got []Item
	for i := range len(b) + 1 {
		if i < len(b) {
			s.Write(b[i : i+1])
		} else {
			s.Close()
		}
		for item, ok := s.Next(); ok; item, ok = s.Next() {
			got = append(got, item)
		}
	}
	if diff := cmp.Diff(whole.Items, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q: byte by byte: %s", b, diff)
	}
	if s.End() != whole.End {
		t.Fatalf("%q: byte by byte the end is %s, at once %s", b, s.End(), whole.End)
	}
	if !bytes.Equal(s.Rest(), b[whole.Size:]) {
		t.Fatalf("%q: the rest is %q", b, s.Rest())
	}
	if looked := s.lex.looked + s.lex.look + s.second.looked; looked > 2*len(b) {
		t.Fatalf("%q: looked at %d bytes, twice the input is %d", b, looked, 2*len(b))
	}
}

// checkCut parses b and a mark after it, and finds the mark in the head.
func checkCut(t *testing.T, b []byte, scripting bool) {
	t.Helper()
	b = bytes.TrimPrefix(b, bomUTF8) // html.Parse takes it for text
	doc, err := html.ParseWithOptions(bytes.NewReader(append(bytes.Clone(b), "<meta name=mark>"...)), html.ParseOptionEnableScripting(scripting))
	if err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	var mark *html.Node
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Meta && len(n.Attr) == 1 && n.Attr[0].Val == "mark" {
			mark = n
		}
	}
	if mark == nil || mark.Parent.DataAtom != atom.Head || mark.NextSibling != nil {
		t.Fatalf("%q (scripting %v): what follows does not go to the end of the head", b, scripting)
	}
}

func FuzzScanHead(f *testing.F) {
	for _, seed := range []string{
		"<!doctype html><html><head><title>x</title><link rel=stylesheet href=a></head><body>",
		"<head><noscript><style></noscript></style></noscript>",
		"<head><script><!--<script></script>--></script><template><p></template>",
		"<?xml?><!-- --!><![CDATA[x]]>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return // the property takes time in the square of the length
		}
		checkScan(t, b)
	})
}

// BenchmarkScanner reports how often each byte is looked at, in chunks of any
// size.
func BenchmarkScanner(b *testing.B) {
	page := []byte("<!doctype html><html><head>" +
		strings.Repeat("<link rel=stylesheet href=/static/a.css><meta property=og:title content=x>\n", 100) +
		"<script>" + strings.Repeat("if (a > b) { c() }\n", 1000) + "</script></head><body>")
	for _, chunk := range []int{1, 64, 4096, len(page)} {
		b.Run(fmt.Sprint(chunk), func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			looked := 0
			for b.Loop() {
				s := NewScanner(len(page))
				for part := range slices.Chunk(page, chunk) {
					s.Write(part)
					for _, ok := s.Next(); ok; _, ok = s.Next() {
					}
				}
				looked = s.lex.looked + s.lex.look + s.second.looked
			}
			b.ReportMetric(float64(looked)/float64(len(page)), "looks/byte")
		})
	}
}

// BenchmarkScanHead reads the heads of whole pages.
func BenchmarkScanHead(b *testing.B) {
	for _, name := range []string{"django-list", "planet", "shop"} {
		page, err := os.ReadFile("testdata/pages/" + name + ".html")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(ScanHead(page, true).Size))
			b.ReportAllocs()
			for b.Loop() {
				ScanHead(page, true)
			}
		})
	}
}
