package opening

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"testing"
)

// benchResponse is a response of a framework whose head is long.
func benchResponse(b *testing.B) (headers Headers, body []byte) {
	b.Helper()
	raw, err := os.ReadFile("testdata/frameworks/wordpress/1.http")
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	if body, err = io.ReadAll(r.Body); err != nil {
		b.Fatal(err)
	}
	return LearnHeaders(nil, r.Header), body
}

// benchPage is a page that was learned from such responses.
func benchPage(b *testing.B) *trial {
	b.Helper()
	headers, body := benchResponse(b)
	p := newTrial()
	p.rules.Shell = true
	for range p.rules.LearnAfter {
		o, reason, _ := Observe(headers, body, true, Scope{Shell: true})
		if reason != "" {
			b.Fatal(reason)
		}
		p.answer(Answer{Observation: o, Depth: -1})
	}
	if plan := p.plan(); plan.Early == nil {
		b.Fatal(plan.Reason)
	}
	return p
}

// BenchmarkDecide is what a page does for each request: when it has ready what is to be
// sent, and when it has to make that first.
func BenchmarkDecide(b *testing.B) {
	b.Run("ready", func(b *testing.B) {
		p := benchPage(b)
		b.ReportAllocs()
		for b.Loop() {
			if p.plan().Early == nil {
				b.Fatal("not committed")
			}
		}
	})
	b.Run("to be made", func(b *testing.B) {
		p := benchPage(b)
		b.ReportAllocs()
		for b.Loop() {
			p.Cool()
			if p.plan().Early == nil {
				b.Fatal("not committed")
			}
		}
	})
	b.Run("not learned", func(b *testing.B) {
		p := newTrial()
		b.ReportAllocs()
		for b.Loop() {
			if p.plan().Reason != NotLearned {
				b.Fatal("learned")
			}
		}
	})
}

// BenchmarkObserve is the reading of a response that is learned from.
func BenchmarkObserve(b *testing.B) {
	headers, body := benchResponse(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, reason, _ := Observe(headers, body, true, Scope{Shell: true}); reason != "" {
			b.Fatal(reason)
		}
	}
}

// BenchmarkAskedBy is the reading of a response to find out whether what was hinted was
// of use.
func BenchmarkAskedBy(b *testing.B) {
	headers, body := benchResponse(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		AskedBy(headers, nil, body, true, Scope{Shell: true})
	}
}

// BenchmarkAnswered takes an observation in on a page that is known, which agrees with all
// before it.
func BenchmarkAnswered(b *testing.B) {
	headers, body := benchResponse(b)
	p := benchPage(b)
	o, _, _ := Observe(headers, body, true, Scope{Shell: true})
	b.ReportAllocs()
	for b.Loop() {
		p.answer(Answer{Observation: o, Depth: -1})
	}
}

// BenchmarkAnsweredCompared takes in that a response bore out what was sent, as after each
// commit.
func BenchmarkAnsweredCompared(b *testing.B) {
	p := benchPage(b)
	early := p.plan().Early
	b.ReportAllocs()
	for b.Loop() {
		p.answer(Answer{Depth: early.Sequence.Len(), Expected: early.Sequence})
	}
}
