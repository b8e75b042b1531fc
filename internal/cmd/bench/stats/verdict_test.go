package stats

import "testing"

// A verdict is judged by what is shown of the ratio, and sure if the rounds agree.
func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		ratio  float64
		rounds []float64
		most   string // at most 1
		least  string // at least 1
	}{
		{0.5, []float64{0.4, 0.5, 0.6}, "yes", "no"},
		{1.004, []float64{1.004, 1.004, 1.004}, "yes", "yes"},
		{1.1, []float64{1.1, 1.2, 1.3}, "no", "yes"},
		{0.9, []float64{0.7, 0.9, 1.4}, "yes?", "no?"},
		{1.1, []float64{0.8, 0.9, 0.9}, "no?", "yes?"}, // of all rounds together
		{0.5, []float64{0.5, 0.5}, "yes?", "no?"},
		{0.5, nil, "yes?", "no?"},
	} {
		if got := Met(AtMost(1, test.ratio, test.rounds)); got != test.most {
			t.Errorf("%v of %v is at most 1: %s, want %s", test.ratio, test.rounds, got, test.most)
		}
		if got := Met(AtLeast(1, test.ratio, test.rounds)); got != test.least {
			t.Errorf("%v of %v is at least 1: %s, want %s", test.ratio, test.rounds, got, test.least)
		}
	}
	if got := Met(nil); got != "" {
		t.Errorf("without a target: %q", got)
	}
}

// Both have to meet their targets, and one that surely does not is enough to be sure.
func TestVerdictAnd(t *testing.T) {
	yes, maybe, hardly, no := &Verdict{true, true}, &Verdict{true, false}, &Verdict{false, false}, &Verdict{false, true}
	for _, test := range []struct {
		a, b *Verdict
		want string
	}{
		{yes, yes, "yes"}, {yes, maybe, "yes?"}, {maybe, hardly, "no?"}, {maybe, no, "no"}, {hardly, no, "no"}, {hardly, hardly, "no?"},
	} {
		for _, got := range []*Verdict{test.a.And(test.b), test.b.And(test.a)} {
			if Met(got) != test.want {
				t.Errorf("%s and %s: %s, want %s", Met(test.a), Met(test.b), Met(got), test.want)
			}
		}
	}
}
