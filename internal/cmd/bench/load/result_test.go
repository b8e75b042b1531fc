package load

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// Rates are medians of rounds, CPU time is added up: a collection of garbage counts in
// whichever round it falls.
func TestNewLine(t *testing.T) {
	of := func(requests int, cpu time.Duration) turns { return turns{requests, time.Second, cpu} }
	r := &row{kind: kinds[0], connections: 16, rounds: []round{
		{of(100, time.Second), of(50, time.Second)},
		{of(200, time.Second), of(200, time.Second)},
		{of(400, 5*time.Second), of(350, 4*time.Second)},
	}}
	l := newLine(r)
	if l.Plain.Rate != 200 || l.Plain.CPU != 10_000 || l.Plain.Requests != 700 {
		t.Errorf("plain %+v", l.Plain)
	}
	if l.RateRatio != 1 || l.Spread != [2]float64{0.6875, 0.9375} || l.CPURatio != 1 {
		t.Errorf("%+v", l)
	}
	if got := stats.Met(l.Verdict); got != "yes?" { // since the rounds say otherwise
		t.Errorf("the target %s is met: %s", l.Target, got)
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		target target
		ratio  float64 // of rates; of CPU time its inverse
		want   string
	}{
		{target{Rate: 0.97}, 0.97, "yes?"},
		{target{Rate: 0.97}, 0.96, "no?"},
		{target{CPU: 1.05}, 0.97, "yes?"},
		{target{CPU: 1.05}, 0.94, "no?"},
		{target{}, 0.5, ""},
	} {
		r := &row{kind: kind{target: test.target}, rounds: []round{{
			turns{100, time.Second, time.Second},
			turns{int(100 * test.ratio), time.Second, time.Second},
		}}}
		var b bytes.Buffer
		if err := (&Result{Rows: []Line{newLine(r)}}).Markdown(&b); err != nil {
			t.Fatal(err)
		}
		cells := strings.Split(strings.TrimSpace(b.String()), " | ")
		if got := strings.TrimSuffix(strings.TrimSpace(cells[len(cells)-1]), "|"); strings.TrimSpace(got) != test.want {
			t.Errorf("%+v at %v: %q, want %q", test.target, test.ratio, got, test.want)
		}
	}
}

// A system that does not tell CPU time has no ratios of it, and its figures can be
// written as JSON all the same.
func TestNoCPU(t *testing.T) {
	r := &row{kind: kind{target: target{CPU: 1.05}}, rounds: []round{{turns{requests: 100, took: 1}, turns{requests: 100, took: 1}}}}
	l := newLine(r)
	if l.CPURatio != 0 || l.Verdict != nil {
		t.Errorf("%+v", l)
	}
	if _, err := json.Marshal(l); err != nil {
		t.Error(err)
	}
}

// There is every kind for each coding and number of connections.
func TestIDs(t *testing.T) {
	ids := IDs()
	for _, kind := range []string{"ineligible", "learning", "hints", "head", "shell", "nonce"} {
		for _, coding := range []string{"identity", "gzip"} {
			for _, n := range []string{"1", "16", "256"} {
				if id := "load/" + kind + "/" + coding + "/" + n; !slices.Contains(ids, id) {
					t.Errorf("no row %s", id)
				}
			}
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(newRows()) {
		t.Error("two rows have the same id")
	}
}
