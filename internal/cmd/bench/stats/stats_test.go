package stats

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestQuantile(t *testing.T) {
	values := []float64{4, 1, 3, 2, 5}
	for q, want := range map[float64]float64{0: 1, 0.25: 2, 0.5: 3, 0.6: 3.4, 1: 5} {
		if got := Quantile(values, q); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if values[0] != 4 {
		t.Error("the values were changed")
	}
	if got := Median(nil); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// Ratios are those of the same round.
func TestRatios(t *testing.T) {
	a, b := [][]float64{{1, 2, 3}, {8}, {5}}, [][]float64{{1}, {2}, nil}
	if got := Ratios(a, b, 0.5); !slices.Equal(got, []float64{2, 4}) {
		t.Errorf("%v", got)
	}
	if got := Ratios(a, b, 1); !slices.Equal(got, []float64{3, 4}) {
		t.Errorf("%v", got)
	}
	if got := Range(Spread([]float64{1, 2, 3, 4, 5})); got != "2.00…4.00" {
		t.Errorf("%q", got)
	}
}

func TestTable(t *testing.T) {
	table := Table{Columns: []string{"what", "ms:"}}
	table.Add("plain", "12")
	table.Add("headstart", "1")
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	const want = "| what | ms |\n| --- | --: |\n| plain | 12 |\n| headstart | 1 |\n\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
