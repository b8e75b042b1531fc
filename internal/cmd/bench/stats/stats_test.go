package stats

import (
	"math"
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
