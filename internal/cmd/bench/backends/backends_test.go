package backends_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/backends"
)

// start is one of the backends.
type start func(*testing.T) *backends.Backend

var all = map[string]start{
	"aggregator": func(t *testing.T) *backends.Backend { return started(t)(backends.Aggregator(time.Millisecond)) },
	"held aggregator": func(t *testing.T) *backends.Backend {
		return started(t)(backends.HeldAggregator(0, func(context.Context, time.Duration) error { return nil }))
	},
	"django": func(t *testing.T) *backends.Backend {
		return started(t)(backends.Django(t.Context(), time.Millisecond))
	},
}

func started(t *testing.T) func(*backends.Backend, error) *backends.Backend {
	return func(b *backends.Backend, err error) *backends.Backend {
		t.Helper()
		if errors.Is(err, backends.ErrMissing) && os.Getenv("HEADSTART_NO_SKIP") == "" {
			t.Skipf("SKIPPED, DJANGO AS A BACKEND WAS NOT TESTED: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// What is compared is the same: stylesheets and scripts, masthead, entries.
func TestSplitHasWhatThePageHas(t *testing.T) {
	for name, start := range all {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			page, split := get(t, b.Addr, b.Page), get(t, b.Addr, b.Split)
			if diff := cmp.Diff(lines(page), lines(split)); diff != "" {
				t.Errorf("the document (-page +split):\n%s", diff)
			}
			for range 2 {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
			if _, err := http.Get("http://" + b.Addr + b.Page); err == nil {
				t.Error("it still answers")
			}
		})
	}
}

func TestNegativeDelays(t *testing.T) {
	if _, err := backends.Aggregator(-1); err == nil {
		t.Error("the aggregator takes one")
	}
	if _, err := backends.Django(t.Context(), -1); err == nil {
		t.Error("Django takes one")
	}
}

// lines returns the lines of a page that are not empty: templates in parts have other
// line breaks.
func lines(page string) []string {
	var all []string
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func get(t *testing.T, addr, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", path, response.StatusCode, err)
	}
	return string(body)
}
