package scale

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/store"
)

// A run that is far too small to say anything goes through all that is measured.
func TestRun(t *testing.T) {
	var progress, out bytes.Buffer
	r, err := Run(t.Context(), Options{Sizes: []int{60, 600}, Rounds: 2, Sample: 50}, &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	if err := r.Markdown(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &out)
	if len(r.Sizes) != 2 || r.Document != len(article(0)) || r.Networks != networks || r.Rounds != 2 {
		t.Errorf("%+v", r)
	}
	for i, want := range []struct{ pages, sample int }{{60, 30}, {600, 50}} {
		s := r.Sizes[i]
		if s.Pages != want.pages || s.Sample != want.sample {
			t.Errorf("%d pages of which %d are looked up, want %+v", s.Pages, s.Sample, want)
		}
		for _, times := range []Times{s.Get, s.Warm, s.Cold, s.Full.Lookup} {
			if times.P99 < times.Median || times.P99 <= 0 {
				t.Errorf("%d pages: %+v", s.Pages, times)
			}
		}
		if s.Reading.Allocs < 1 || s.Learning.Allocs < 1 || s.Reading.Bytes < float64(r.Document) {
			t.Errorf("%d pages: an observation costs %+v and %+v", s.Pages, s.Reading, s.Learning)
		}
		if s.Full.Pages >= s.Pages || s.Full.Pages == 0 {
			t.Errorf("%d pages of %d have room", s.Full.Pages, s.Pages)
		}
		if s.Full.Committed <= 0 || s.Full.Committed > 1 || s.Full.Possible <= 0 || s.Full.Possible > 1 {
			t.Errorf("%d pages: %+v", s.Pages, s.Full)
		}
		if !strings.Contains(out.String(), "| "+number(s.Pages)+" |") {
			t.Errorf("there is no row for %d pages", s.Pages)
		}
	}
	if s := r.Sizes[1]; s.Heap < float64(r.Own) || s.Heap > 8<<10 || s.Estimate < float64(r.Own) || s.Estimate > 8<<10 {
		t.Errorf("a page takes %.0f bytes, estimated %.0f", s.Heap, s.Estimate)
	}
	if !strings.Contains(progress.String(), "round 2 of 2") {
		t.Errorf("the progress is %q", &progress)
	}

	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := new(Result)
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Error(diff)
	}
}

// The shorter way to fill a store leaves in its pages what the way of the handler does.
func TestFillIsLearn(t *testing.T) {
	const pages = 100
	sizes := make(map[string]int)
	for name, way := range map[string]func(f *field) error{
		"fill":  func(f *field) error { return f.fill(t.Context(), pages) },
		"learn": func(f *field) error { return f.learn(t.Context(), 0, pages) },
	} {
		s, err := store.New(64 << 20)
		if err != nil {
			t.Fatal(err)
		}
		f := &field{size: pages, sample: pages, store: s, room: s.Room(handler)}
		if err := way(f); err != nil {
			t.Fatal(err)
		}
		for page := range pages {
			sizes[name] += s.Get(keyOf(page)).Size()
		}
		if err := f.lookUp(t.Context(), 0, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What pages share has shorter numbers if it was seen earlier.
	if a, b := sizes["fill"], sizes["learn"]; a == 0 || max(a, b)-min(a, b) > a/100 {
		t.Errorf("%d bytes by the shorter way, %d by that of the handler", a, b)
	}
}

func TestOptions(t *testing.T) {
	for name, test := range map[string]struct {
		in   Options
		want string
	}{
		"few pages":       {Options{Sizes: []int{1000, MinSize - 1}}, "20 to 10000000 pages"},
		"many pages":      {Options{Sizes: []int{MaxSize + 1}}, "20 to 10000000 pages"},
		"rounds":          {Options{Rounds: -1}, "at least 1 round"},
		"sample":          {Options{Sample: -1}, "1 page or more"},
		"nothing is said": {Options{}, ""},
	} {
		o, err := test.in.withDefaults()
		switch {
		case test.want == "" && (err != nil || len(o.Sizes) != 3 || o.Rounds != defaultRounds || o.Sample != defaultSample):
			t.Errorf("%s: %+v, %v", name, o, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Options{Sizes: []int{1000}}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_000_042: "1,000,042"} {
		if got := number(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
