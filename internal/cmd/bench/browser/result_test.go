package browser

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// rowOf makes a row whose visits have these first paints, and largest ones at once.
func rowOf(frontEnd string, paints ...float64) *Row {
	row := &Row{Site: aggregator, Link: "slow", Delay: 300, FrontEnd: frontEnd}
	for _, at := range paints {
		row.Visits = append(row.Visits, Visit{Values: map[string]float64{fcp: at, lcp: at, cls: 0.0125}})
	}
	return row
}

func TestCompare(t *testing.T) {
	r := &Result{Rounds: 3, Rows: []*Row{
		rowOf(plain, 1000, 1100, 900),
		rowOf(shell, 450, 500, 600),
		rowOf(split, 400, 600, 500),
		rowOf(noDelay, 400, 380, 420),
		{Site: aggregator, Link: "fast", Delay: 300, FrontEnd: noDelay}, // of another link
	}}
	r.compare()
	got := make(map[string]Ratio)
	for _, ratio := range r.Ratios {
		got[ratio.Metric+" "+ratio.Of+" "+ratio.To] = ratio
	}
	if len(got) != 3 || len(r.Ratios) != 3 { // nothing of front ends that were not measured
		t.Errorf("ratios %+v", r.Ratios)
	}
	for key, want := range map[string]struct {
		ratio float64
		met   bool
	}{
		"fcp shell no-delay": {1.25, false},
		"fcp shell split":    {1, true},
		"lcp shell plain":    {0.5, true},
	} {
		if ratio := got[key]; math.Abs(ratio.Ratio-want.ratio) > 1e-9 || ratio.Met != want.met || ratio.Spread[0] > ratio.Spread[1] {
			t.Errorf("%s: %+v, want %+v", key, ratio, want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	r := &Result{Rounds: 2, Notes: []string{"something is missing"}, Rows: []*Row{rowOf(plain, 10, 20), rowOf(shell, 30, 30)}}
	r.compare()
	var text strings.Builder
	if err := r.Markdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"**aggregator**, slow phone",
		"\n| 300 | plain `reverse_proxy` | 15 | 15 | 0.013 | 0 |",
		"\n| aggregator | slow | 300 | shell | plain | LCP | **2.00** | 1.88…2.62 | ≤ 1.00 | no? |",
		"\n- something is missing\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "django") || strings.Contains(text.String(), "fast") {
		t.Errorf("what was not measured is in\n%s", text.String())
	}
	if data, err := json.Marshal(r); err != nil || !strings.Contains(string(data), `"values":{"cls":0.0125,"fcp":10,"lcp":10}`) {
		t.Errorf("%s, error %v", data, err)
	}
}
