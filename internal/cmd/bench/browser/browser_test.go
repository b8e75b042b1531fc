package browser

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// A whole run, as small as can be: every front end does what its row says, or Run
// fails, and the tables show it.
func TestBrowserMeasuresEveryFrontEnd(t *testing.T) {
	testbrowser.Need(t, "the bench's browser part")
	r, err := Run(t.Context(), Options{
		Only:   func(id string) bool { return id == "browser/aggregator/fast/50ms" },
		Delays: []time.Duration{50 * time.Millisecond}, Rounds: 1, NoLighthouse: true,
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != len(frontEnds) {
		t.Fatalf("%d rows", len(r.Rows))
	}
	for i, row := range r.Rows {
		if row.FrontEnd != frontEnds[i].id || row.Site != aggregator || row.Link != "fast" || row.Delay != 50 || len(row.Visits) != 1 {
			t.Fatalf("row %d: %+v", i, row)
		}
		v := row.Visits[0]
		for _, m := range metrics {
			if got, ok := v.Values[m.id]; !ok || got < 0 || m.id != cls && got == 0 {
				t.Errorf("%s: %s is %v", row.FrontEnd, m.name, got)
			}
		}
		if interim := v.Raw.Navigation.InterimStart > 0; interim != (frontEnds[i].flush != "") {
			t.Errorf("%s: a 103 response: %v", row.FrontEnd, interim)
		}
	}
	if len(r.Ratios) != len(targets) {
		t.Errorf("ratios %+v", r.Ratios)
	}
	var text strings.Builder
	if err := r.Markdown(&text); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "\n| 50 |"); n != len(frontEnds) {
		t.Errorf("%d rows in %s", n, text.String())
	}
}

// Without Chromium a run says how to get it.
func TestWithoutChromium(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Run(t.Context(), Options{}, io.Discard)
	if !errors.Is(err, chromium.ErrMissing) || !strings.Contains(err.Error(), "apt-get install chromium") {
		t.Errorf("error %v", err)
	}
}

func TestOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"must be more than 0": {Delays: []time.Duration{0}},
		"1 or more":           {Rounds: -1},
	} {
		if _, err := o.complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if ids := IDs(); len(ids) != 16 || ids[0] != "browser/aggregator/slow/100ms" || ids[15] != "browser/django/fast/2000ms" {
		t.Errorf("ids %q", ids)
	}
}

func TestDuration(t *testing.T) {
	o := Options{
		Only:   func(id string) bool { return strings.HasPrefix(id, "browser/aggregator/slow/") },
		Delays: []time.Duration{time.Second}, Rounds: 2,
	}
	visits := time.Duration(2 * len(frontEnds))
	if got, want := o.duration(), visits*linkKinds[0].usual+(visits-2)*time.Second; got != want {
		t.Errorf("%v, want %v", got, want) // all but the one without delay wait
	}
}
