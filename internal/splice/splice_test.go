package splice

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func Example() {
	expected := []byte("<html><head><link href=a.css>")
	s := New(expected, len(expected))
	for _, chunk := range []string{"<html><he", "ad><link href=a.css><title>Hi", "</title>"} {
		fmt.Printf("%q\n", s.Next([]byte(chunk)))
	}
	fmt.Println(s.End() == Joined)
	// Output:
	// ""
	// "<title>Hi"
	// "</title>"
	// true
}

// join feeds stream to a Splicer in chunks cut at cuts, and returns what the
// visitor has in the end, and the final state.
func join(expected []byte, sent int, stream []byte, cuts []int) (page []byte, state State, matched int) {
	s := New(expected, sent)
	page = append(page, expected[:sent]...)
	last := 0
	for _, cut := range append(cuts, len(stream)) {
		if cut < last || cut > len(stream) {
			continue
		}
		page = append(page, s.Next(stream[last:cut])...)
		last = cut
	}
	state = s.End()
	return page, state, s.Matched()
}

// check is the property: joined means that the visitor has what the backend
// sent; anything else means that the visitor got nothing but what was sent
// early; and chunks do not matter.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, expected []byte, sent int, stream []byte, cuts []int,
) {
	t.Helper()
	page, state, matched := join(expected, sent, stream, cuts)
	if want := commonPrefix(expected, stream); matched != want {
		t.Fatalf("matched %d bytes, want %d", matched, want)
	}
	switch {
	case bytes.HasPrefix(stream, expected[:sent]):
		if state != Joined || !bytes.Equal(page, stream) {
			t.Fatalf("state %v, page %q, want the stream %q", state, page, stream)
		}
	case state != Differs || !bytes.Equal(page, expected[:sent]):
		t.Fatalf("state %v, page %q; want Differs and %q", state, page, expected[:sent])
	}
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func TestSplit(t *testing.T) {
	expected := []byte("<!doctype html><head><link href=a>")
	stream := append(bytes.Clone(expected), "</head><body>x"...)
	for sent := range len(expected) + 1 {
		for cut := range len(stream) + 1 {
			check(t, expected, sent, stream, []int{cut})
			check(t, expected, sent, stream[:cut], nil)
		}
	}
	oneByOne := make([]int, len(stream))
	for i := range oneByOne {
		oneByOne[i] = i
	}
	check(t, expected, len(expected), stream, oneByOne)
}

func TestDifference(t *testing.T) {
	expected := []byte("<head><link href=a><script></script>")
	for at := range len(expected) {
		stream := append(bytes.Clone(expected), "<body>"...)
		stream[at] ^= 1
		for sent := range len(expected) + 1 {
			check(t, expected, sent, stream, []int{at, at + 1})
		}
	}
}

func TestSplicerProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SliceOf(rapid.SampledFrom([]byte("ab")))
		expected := letters.Draw(t, "expected")
		sent := rapid.IntRange(0, len(expected)).Draw(t, "sent")
		stream := letters.Draw(t, "tail")
		if rapid.Bool().Draw(t, "repeat") {
			stream = append(bytes.Clone(expected), stream...)
		}
		cuts := rapid.SliceOf(rapid.IntRange(0, len(stream))).Draw(t, "cuts")
		check(t, expected, sent, stream, cuts)
	})
}

func FuzzSplicer(f *testing.F) {
	f.Add([]byte("<head><link>"), []byte("<head><link></head>"), uint8(3), uint8(7))
	f.Fuzz(func(t *testing.T, expected, stream []byte, sent, cut uint8) {
		check(t, expected, min(int(sent), len(expected)), stream, []int{int(cut)})
	})
}

func BenchmarkCompare(b *testing.B) {
	expected := bytes.Repeat([]byte("<link rel=stylesheet href=/a.css>\n"), 2000)
	stream := bytes.Clone(expected) // comparing a slice with itself costs nothing
	b.SetBytes(int64(len(expected)))
	b.ReportAllocs()
	for b.Loop() {
		s := New(expected, len(expected))
		for at := 0; at < len(stream); at += 32 << 10 {
			s.Next(stream[at:min(at+32<<10, len(stream))])
		}
		if s.State() != Joined {
			b.Fatal("not joined")
		}
	}
}

func BenchmarkPass(b *testing.B) {
	expected := []byte("<head>")
	chunk := make([]byte, 32<<10)
	s := New(expected, len(expected))
	s.Next(expected)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if len(s.Next(chunk)) != len(chunk) {
			b.Fatal("swallowed")
		}
	}
}
