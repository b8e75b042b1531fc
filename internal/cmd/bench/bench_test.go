package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// The tests start this program as its own child, as main does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == rig.ChildArg {
		exit(rig.RunChild(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// A run that is far too short to say anything goes through all rows.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short: the benchmark is not run through")
	}
	file := filepath.Join(t.TempDir(), "figures.json")
	var out, progress bytes.Buffer
	err := run(t.Context(), []string{"-time", "100ms", "-rounds", "2", "-delay", "5ms", "-json", file}, &out, &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Page != pageSize || got.Opening < headSize*9/10 || got.Opening > headSize*11/10 {
		t.Errorf("the page has %d bytes, its opening %d", got.Page, got.Opening)
	}
	if want := len(allRows()); len(got.Rows) != want {
		t.Errorf("%d rows, want %d", len(got.Rows), want)
	}
	for _, l := range got.Rows {
		if l.Base.Median <= 0 || l.Headstart.Median <= 0 || l.Ratio != l.Headstart.Median/l.Base.Median {
			t.Errorf("%s: %+v", l.ID, l)
		}
		if len(l.Base.Rounds) != 2 || len(l.Headstart.Rounds) != 2 {
			t.Errorf("%s: %d and %d rounds, want 2", l.ID, len(l.Base.Rounds), len(l.Headstart.Rounds))
		}
		if !strings.Contains(out.String(), "| "+l.What+" |") {
			t.Errorf("%s is not in the table", l.ID)
		}
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"now"},
		{"-only", "nothing"},
		{"-only", "("},
		{"-rounds", "0"},
		{"-time", "0"},
		{"-delay", "1h"},
		{"-json", filepath.Join(t.TempDir(), "no", "such", "folder")},
		{"-unknown"},
	} {
		if err := run(t.Context(), args, new(bytes.Buffer), new(bytes.Buffer)); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func TestChoose(t *testing.T) {
	for only, want := range map[string]string{
		"ttfb":                "ttfb/h1, ttfb/h2, ttfb/h3",
		"load/(committed)/16": "load/committed/16",
		"^$":                  "",
	} {
		if got := ids(choose(allRows(), regexp.MustCompile(only))); got != want {
			t.Errorf("%s: %s, want %s", only, got, want)
		}
	}
}

// The ratio is that of the medians over all rounds, the spread that of single
// rounds.
func TestNewLine(t *testing.T) {
	r := &row{isLoad: true, rounds: []round{
		{turn{values: []float64{100}, cpu: 10_000}, turn{values: []float64{50}, cpu: 20_000}},
		{turn{values: []float64{200}, cpu: 10_000}, turn{values: []float64{200}, cpu: 10_000}},
		{turn{values: []float64{400}, cpu: 10_000}, turn{values: []float64{300}, cpu: 15_000}},
	}}
	l := newLine(r)
	if l.Ratio != 1 || l.CPURatio != 1.5 || l.P99Ratio != 0 || l.Spread != [2]float64{0.625, 0.875} {
		t.Errorf("%+v", l)
	}
}

func TestMakePage(t *testing.T) {
	page := makePage()
	if len(page) != pageSize {
		t.Errorf("%d bytes, want %d", len(page), pageSize)
	}
	if n := bytes.Index(page, []byte("</head>")); n < headSize*9/10 || n > headSize*11/10 {
		t.Errorf("the head has %d bytes, want about %d", n, headSize)
	}
	if bytes.ContainsAny(page[:headSize], "{}`") {
		t.Error("Caddy would take a part of the head for a placeholder")
	}
}
