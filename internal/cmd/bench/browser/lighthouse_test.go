package browser

import (
	"maps"
	"strings"
	"testing"
)

func TestReadLighthouse(t *testing.T) {
	const good = `{"categories": {"performance": {"score": 0.87}}, "audits": {
		"first-contentful-paint": {"numericValue": 1200.5}, "largest-contentful-paint": {"numericValue": 1300},
		"speed-index": {"numericValue": 1250}, "total-blocking-time": {"numericValue": 0}}}`
	got, err := readLighthouse([]byte(good))
	want := map[string]float64{
		score: 87, "first-contentful-paint": 1200.5, "largest-contentful-paint": 1300, "speed-index": 1250, "total-blocking-time": 0,
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, error %v; want %v", got, err, want)
	}
	for report, want := range map[string]string{
		"": "reading its report",
		`{"runtimeError": {"message": "no page"}}`:                "no page",
		`{"categories": {"performance": {"score": null}}}`:        "no performance score",
		strings.Replace(good, "speed-index", "slowness-index", 1): "no speed-index",
	} {
		if _, err := readLighthouse([]byte(report)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestLighthouseTable(t *testing.T) {
	r := &Result{Rounds: 1, Lighthouse: []*LighthouseRow{
		{Site: aggregator, Link: "slow", Delay: 800, FrontEnd: shell, Runs: []map[string]float64{
			{score: 80, "speed-index": 10},
			{score: 90, "speed-index": 20},
		}},
		{Site: aggregator, Link: "slow", Delay: 800, FrontEnd: plain}, // it has failed
	}}
	var text strings.Builder
	if err := r.Markdown(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "\n| aggregator | slow | 800 | shell | 85 | 0 | 0 | 15 | 0 |\n") || strings.Contains(text.String(), "| plain") {
		t.Error(text.String())
	}
}
