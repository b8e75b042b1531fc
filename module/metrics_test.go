package module_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// metricsLabels are all metrics, with their labels.
var metricsLabels = map[string][]string{
	"caddy_headstart_requests_total":               {"audience", "level", "reason"},
	"caddy_headstart_outcomes_total":               {"audience", "outcome"},
	"caddy_headstart_backend_responses_total":      {"class", "level"},
	"caddy_headstart_early_ttfb_seconds":           {"audience"},
	"caddy_headstart_backend_ttfb_seconds":         {"level"},
	"caddy_headstart_crawler_requests_total":       {"family", "level"},
	"caddy_headstart_crawler_early_ttfb_seconds":   {"family"},
	"caddy_headstart_crawler_backend_ttfb_seconds": {"family"},
	"caddy_headstart_flushed_bytes_total":          {},
	"caddy_headstart_openings":                     {},
	"caddy_headstart_opening_bytes":                {},
}

// metricsTraffic makes a little of every kind of traffic at a path.
func metricsTraffic(t *testing.T, l *lesson, path string) {
	t.Helper()
	v := newVisitor(t, "h1")
	l.serve(path, lessonHTML(lessonPage))
	l.visit(t, v, "site", path, func(r *http.Request) { r.Header = http.Header{} })
	for range lessonVisits {
		l.visit(t, v, "site", path)
	}
	for range 2 {
		r, gate := l.held(t, v, "site", path)
		gate.Open()
		l.whole(t, path, r)
	}
	l.visit(t, v, "site", path, with("Cookie", "a=b"))
	l.serve(path, []testorigin.Step{testorigin.Header(503), testorigin.Write("sorry")})
	l.visit(t, v, "site", path, with("Cookie", "a=b"))
	l.visit(t, v, "site", path)
}

// metricsOfTraffic is how metricsTraffic changes the counters.
var metricsOfTraffic = map[string]float64{
	`caddy_headstart_requests_total{audience="",level="none",reason="not_navigation"}`:       1,
	`caddy_headstart_requests_total{audience="anonymous",level="none",reason="not_learned"}`: 3,
	`caddy_headstart_requests_total{audience="anonymous",level="shell",reason=""}`:           3,
	`caddy_headstart_requests_total{audience="returning",level="none",reason="not_learned"}`: 2,
	`caddy_headstart_outcomes_total{audience="anonymous",outcome="exact"}`:                   2,
	`caddy_headstart_outcomes_total{audience="anonymous",outcome="failed"}`:                  1,
	`caddy_headstart_backend_responses_total{class="2xx",level="none"}`:                      4,
	`caddy_headstart_backend_responses_total{class="2xx",level="shell"}`:                     2,
	`caddy_headstart_backend_responses_total{class="5xx",level="none"}`:                      1,
	`caddy_headstart_backend_responses_total{class="5xx",level="shell"}`:                     1,
	`caddy_headstart_early_ttfb_seconds_count{audience="anonymous"}`:                         3,
	`caddy_headstart_backend_ttfb_seconds_count{level="none"}`:                               5,
	`caddy_headstart_backend_ttfb_seconds_count{level="shell"}`:                              3,
	`caddy_headstart_flushed_bytes_total`:                                                    3 * 1024, // as long as the padding makes it
	`caddy_headstart_openings`:                                                               1,
}

// TestMetrics checks the values after some traffic, and that they go on counting
// over reloads and for two handlers.
func TestMetrics(t *testing.T) {
	origin := startOrigin(t)
	site := reloadSite("site", "", "reverse_proxy "+origin.Addr())
	other := reloadSite("other", "", "reverse_proxy "+origin.Addr())
	l := startLesson(t, origin, site)
	// Counters are the process's: other tests have counted, too.
	before := l.metrics(t)
	for round, path := range []string{"/one", "/two", "/three"} {
		metricsTraffic(t, l, path)
		after := l.metrics(t)
		got := make(map[string]float64)
		for series := range metricsOfTraffic {
			got[series] = after[series] - before[series]
		}
		for series, value := range after {
			if countsOf := strings.HasPrefix(series, "caddy_headstart_") && !strings.Contains(series, "_bucket{") && !strings.Contains(series, "_sum{") &&
				series != "caddy_headstart_opening_bytes"; countsOf && value != before[series] {
				got[series] = value - before[series]
			}
		}
		if diff := cmp.Diff(metricsOfTraffic, got); diff != "" {
			t.Errorf("round %d: not as expected (-want +got):\n%s", round, diff)
		}
		if held := after["caddy_headstart_opening_bytes"] - before["caddy_headstart_opening_bytes"]; held < float64(len(lessonHead)) || held > 64<<10 {
			t.Errorf("round %d: an opening takes %v bytes", round, held)
		}
		if sum := after[`caddy_headstart_early_ttfb_seconds_sum{audience="anonymous"}`]; sum <= before[`caddy_headstart_early_ttfb_seconds_sum{audience="anonymous"}`] {
			t.Errorf("round %d: the sum of times stays at %v", round, sum)
		}
		l.reload(t, []string{site + other, other + site, site}[round])
		before = l.metrics(t)
		if diff := cmp.Diff(onlyHeadstart(after), onlyHeadstart(before)); diff != "" {
			t.Errorf("round %d: a reload changes metrics (-before +after):\n%s", round, diff)
		}
	}
}

func onlyHeadstart(series map[string]float64) map[string]float64 {
	out := maps.Clone(series)
	maps.DeleteFunc(out, func(name string, _ float64) bool { return !strings.HasPrefix(name, "caddy_headstart_") })
	return out
}

var (
	metricsSeries = regexp.MustCompile(`^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})?$`)
	metricsLabel  = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// TestMetricsNames checks names, labels and buckets, as they are documented, and
// that no label holds what a visitor can choose.
func TestMetricsNames(t *testing.T) {
	origin := startOrigin(t)
	l := startLesson(t, origin, reloadSite("site", "", "reverse_proxy "+origin.Addr()))
	metricsTraffic(t, l, "/chosen")
	crawl(t, l, "/crawled", head)
	l.visit(t, newVisitor(t, "h1"), "site", "/chosen", func(r *http.Request) { r.Method = "CHOSEN" })
	l.visit(t, newVisitor(t, "h1"), "site", "/chosen", with("User-Agent", "Mozilla/5.0 (chosen) Googlebot"))

	seen := make(map[string][]string)
	buckets := make(map[string][]float64)
	for series := range onlyHeadstart(l.metrics(t)) {
		m := metricsSeries.FindStringSubmatch(series)
		name, labels := m[1], []string{}
		var group string // the labels but for le
		for _, label := range metricsLabel.FindAllStringSubmatch(m[2], -1) {
			if label[1] == "le" {
				continue
			}
			group += label[0]
			labels = append(labels, label[1])
			if !regexp.MustCompile(`^[a-z0-9_]*$`).MatchString(label[2]) || strings.Contains(strings.ToLower(label[2]), "chosen") {
				t.Errorf("%s: a label has the value %q", name, label[2])
			}
		}
		seen[name] = labels
		if _, le, isBucket := strings.Cut(series, `le="`); isBucket {
			bound, err := strconv.ParseFloat(le[:strings.IndexByte(le, '"')], 64)
			if err != nil {
				t.Fatal(err)
			}
			buckets[name+group] = append(buckets[name+group], bound)
		}
	}
	if diff := cmp.Diff(metricsLabels, seen); diff != "" {
		t.Errorf("not as documented (-want +got):\n%s", diff)
	}
	if len(buckets) < 2 {
		t.Errorf("histograms: %v", buckets)
	}
	for name, bounds := range buckets {
		slices.Sort(bounds)
		if last := len(bounds) - 1; bounds[0] != 0.0005 || last < 8 || bounds[last-1] != 30 {
			t.Errorf("%s has the buckets %v, want some from 0.0005 to 30 s", name, bounds)
		}
	}
}

// TestMetricsLint checks help texts, types and units.
func TestMetricsLint(t *testing.T) {
	origin := startOrigin(t)
	l := startLesson(t, origin, reloadSite("site", "", "reverse_proxy "+origin.Addr()))
	metricsTraffic(t, l, "/")
	crawl(t, l, "/crawled", head)
	resp, err := newVisitor(t, "h1").transport.RoundTrip(newRequest(t, http.MethodGet, "http://"+l.addr(t, "metrics")+"/metrics", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name := range metricsLabels {
		if !bytes.Contains(text, []byte("# HELP "+name+" ")) {
			t.Errorf("%s has no help text", name)
		}
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "caddy_headstart_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
