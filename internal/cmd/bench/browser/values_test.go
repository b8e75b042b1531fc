package browser

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestLayoutShift(t *testing.T) {
	for _, test := range []struct {
		name   string
		shifts []shift
		want   float64
	}{
		{"none", nil, 0},
		{"one window", []shift{{At: 100, Value: 1}, {At: 1099, Value: 2}}, 3},
		{"a gap of a second", []shift{{At: 100, Value: 1}, {At: 1100, Value: 2}}, 2},
		{"the first window is the largest", []shift{{At: 0, Value: 4}, {At: 2000, Value: 1}, {At: 2100, Value: 2}}, 4},
		{"a window ends after five seconds", []shift{
			{At: 0, Value: 1},
			{At: 900, Value: 1},
			{At: 1800, Value: 1},
			{At: 2700, Value: 1},
			{At: 3600, Value: 1},
			{At: 4500, Value: 1},
			{At: 5400, Value: 1},
		}, 6},
		{"behind an input", []shift{{At: 100, Value: 1}, {At: 200, Value: 5, Input: true}}, 1},
	} {
		if got := layoutShift(test.shifts); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// aVisit is a good one.
func aVisit() raw {
	return raw{
		FCP:    new(90.0),
		LCPs:   []paint{{At: 90}, {At: 120}},
		Shifts: []shift{{At: 130, Value: 0.25}},
		Navigation: navigation{
			ConnectStart: 1, ConnectEnd: 20, DOMContentLoaded: 140, Load: 150, Protocol: "h2",
		},
		Sheet: 30,
		Old:   40,
	}
}

func TestValues(t *testing.T) {
	r := aVisit()
	got, err := r.values()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		fcp: 90, lcp: 120, cls: 0.25, old: 40, stylesheet: 30, contentLoad: 140, loaded: 150,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(want) != len(metrics) {
		t.Errorf("%d metrics, %d columns", len(want), len(metrics))
	}
}

// A visit that tells less than all, or that was another one, does not count.
func TestValuesMissing(t *testing.T) {
	for want, change := range map[string]func(*raw){
		"first contentful":   func(r *raw) { r.FCP = nil },
		"largest contentful": func(r *raw) { r.LCPs = nil },
		`"http/1.1"`:         func(r *raw) { r.Navigation.Protocol = "http/1.1" },
		"connection":         func(r *raw) { r.Navigation.ConnectEnd = r.Navigation.ConnectStart },
	} {
		r := aVisit()
		change(&r)
		if _, err := r.values(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one of %s", err, want)
		}
	}
}

func TestAsked(t *testing.T) {
	r := raw{Origin: 1_800_000_000_000.5}
	r.asked(time.UnixMilli(1_800_000_000_100), 40*time.Millisecond)
	if r.Sheet != 79.5 {
		t.Errorf("%v", r.Sheet)
	}
}

func TestOverLink(t *testing.T) {
	r := raw{Navigation: navigation{RequestStart: 10, ResponseStart: 29.9}}
	if !r.overLink(20*time.Millisecond) || r.overLink(30*time.Millisecond) {
		t.Error("a round trip of 20 ms is not told from one of 30 ms")
	}
}
