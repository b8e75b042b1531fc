package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// The tests start this program as its own child, as main does.
func TestMain(m *testing.M) {
	rig.BeChild()
	os.Exit(m.Run())
}

// A run that is far too short to find much goes through all of it.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short: no traffic is driven through Caddy")
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "report.json")
	var out, progress bytes.Buffer
	err := run(t.Context(), []string{"-for", "2s", "-seed", "1", "-rate", "100", "-conns", "8", "-keep", folder, "-json", file}, &out, &progress)
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, &progress, &out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Requests == 0 || got.Counts["backend"]["200"] == 0 || got.Seed != 1 || got.Compared {
		t.Errorf("%s", text)
	}
	if last := got.Samples[len(got.Samples)-1]; last.When != "end" || last.Goroutines == 0 || last.Heap == 0 || last.Pages == 0 {
		t.Errorf("the last sample: %+v", last)
	}
	if !strings.Contains(out.String(), "**requests by level**") {
		t.Errorf("report: %s", &out)
	}
	if _, err := os.Stat(filepath.Join(folder, "heap.pprof")); err != nil {
		t.Error(err)
	}
}

// An interrupt ends a run early, with its report.
func TestInterrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short: no Caddy is started")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, progress bytes.Buffer
	if err := run(ctx, []string{"-for", "4s"}, &out, &progress); err != nil {
		t.Errorf("%v\n%s", err, &progress)
	}
	if !strings.Contains(out.String(), "0 things are wrong.") {
		t.Errorf("report: %s", &out)
	}
}

func TestBadFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"now"},
		{"-for", "0"},
		{"-rate", "0"},
		{"-conns", "0"},
		{"-json", filepath.Join(t.TempDir(), "no", "such", "folder")},
		{"-keep", filepath.Join(file, "folder")},
		{"-unknown"},
	} {
		if err := run(t.Context(), args, new(bytes.Buffer), new(bytes.Buffer)); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// The id comes back from the header in which Caddy has passed it on.
func TestID(t *testing.T) {
	random := randomOf(1, 1)
	for _, id := range []uint64{1, 1 << 40} {
		q := &request{id: id, client: newClient(random)}
		if got, ok := idOf(q.forwardedFor() + ", 127.0.0.1"); got != id || !ok {
			t.Errorf("%s: %d, %v", q.forwardedFor(), got, ok)
		}
	}
	for _, bad := range []string{"", "192.0.2.1", "192.0.2.1, 192.0.2.2", "192.0.2.1, 2001:db8::1"} {
		if id, ok := idOf(bad); ok {
			t.Errorf("%q: id %d", bad, id)
		}
	}
}

// What the backend makes up for one request depends on nothing but the seed.
func TestViews(t *testing.T) {
	for number := range pagesPerHost {
		render := func() []byte {
			return view{traits: traitsOf(number), host: hostStrict, nonce: "n", random: randomOf(1, 2)}.render()
		}
		if page := render(); !bytes.Equal(page, render()) || !bytes.HasSuffix(page, []byte("</html>\n")) {
			t.Errorf("page %d: %s", number, page)
		}
	}
	if asset("app", 1, ".css") == asset("app", 2, ".css") {
		t.Error("a deploy changes nothing")
	}
}
