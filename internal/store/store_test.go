package store

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// learned returns a page that has seen one head of a length.
func learned(length int) *opening.Page {
	p := new(opening.Page)
	head := document.ScanHead([]byte("<head><title>"+strings.Repeat("x", length)+"</title></head>"), true)
	p.Answered(opening.Visit{Header: http.Header{}, Learn: true},
		opening.Answer{Observation: &opening.Observation{Items: head.Items}, Depth: -1},
		opening.Rules{LearnAfter: 3}, time.Time{})
	return p
}

func TestStore(t *testing.T) {
	s, err := New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if s.Get("a") != nil {
		t.Error("an empty store has a page")
	}
	first, second := learned(100), learned(100)
	s.Put("a", first)
	s.Put("a", second) // a race: the first stays
	if s.Get("a") != first || s.Len() != 1 {
		t.Error("another page took the place of the first")
	}
	before := s.Bytes()
	first.Answered(opening.Visit{Header: http.Header{}, Learn: true},
		opening.Answer{
			Observation: &opening.Observation{Items: document.ScanHead([]byte("<title>"+strings.Repeat("y", 5000)+"</title></head>"), true).Items},
			Depth:       -1,
		},
		opening.Rules{LearnAfter: 3}, time.Time{})
	s.Put("a", first)
	if s.Bytes() < before+5000 {
		t.Errorf("the page has grown, but weighs %d after %d", s.Bytes(), before)
	}
}

func TestStoreIsBounded(t *testing.T) {
	const limit = 1 << 20
	s, err := New(limit)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10_000 {
		s.Put(request.Key(fmt.Sprint("key ", i)), learned(1000))
		if s.Bytes() > limit+64<<10 {
			t.Fatalf("%d bytes after %d pages", s.Bytes(), i+1)
		}
	}
	if s.Len() < 100 {
		t.Errorf("%d pages are left", s.Len())
	}
}

// A lower limit holds at once, a higher one from then on.
func TestSetMaximum(t *testing.T) {
	s, err := New(4 << 20)
	if err != nil {
		t.Fatal(err)
	}
	fill := func() {
		for i := range 2000 {
			s.Put(request.Key(fmt.Sprint("key ", i)), learned(1000))
		}
	}
	fill()
	before := s.Len()
	s.SetMaximum(1 << 20)
	if s.Bytes() > 1<<20 || s.Len() == 0 || s.Len() >= before {
		t.Errorf("%d bytes in %d pages of %d are left", s.Bytes(), s.Len(), before)
	}
	s.SetMaximum(4 << 20)
	fill()
	if s.Len() != before {
		t.Errorf("there is room for %d pages, there was for %d", s.Len(), before)
	}
}

func BenchmarkGet(b *testing.B) {
	s, err := New(64 << 20)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		s.Put(request.Key(fmt.Sprint("key ", i)), learned(1000))
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Get("key 7")
	}
}
