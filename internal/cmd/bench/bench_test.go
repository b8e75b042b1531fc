package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/load"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/scale"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stream"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/wire"
	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// The tests start this program as its own child, as main does.
func TestMain(m *testing.M) {
	rig.BeChild()
	os.Exit(m.Run())
}

// A run that is far too short to say anything goes through all parts, and through
// enough rows to meet every site, path, coding and number of connections.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short: the benchmark is not run through")
	}
	file := filepath.Join(t.TempDir(), "figures.json")
	var out, progress bytes.Buffer
	err := run(t.Context(), []string{
		"-part", "wire,load,stream,scale",
		"-only", "/5ms$|/identity/1$|(comparing|chunked)/identity|head/gzip/(16|256)$|^stream|^scale",
		"-time", "100ms", "-rounds", "2", "-delay", "5ms", "-pages", "40", "-json", file,
	}, &out, &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Machine machine
		Parts   struct {
			Wire   wire.Result
			Load   load.Result
			Stream stream.Result
			Scale  scale.Result
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if m := got.Machine; m.Cores == 0 || m.Go == "" || m.Caddy == "" || m.Headstart == "" {
		t.Errorf("machine %+v", m)
	}
	for _, title := range []string{"Wire", "Load", "Stream", "Scale"} {
		if !strings.Contains(out.String(), "\n## "+title+"\n") {
			t.Errorf("part %s is not in the report", title)
		}
	}
	if n := len(got.Parts.Wire.Rows); n != 3*2*4 { // protocols, levels, measures
		t.Errorf("wire: %d rows", n)
	}
	for _, l := range got.Parts.Wire.Rows {
		if l.Plain.P50 <= 0 || l.Headstart.P50 <= 0 || l.Headstart.P99 < l.Headstart.P50 || l.ToPlain != l.Headstart.P50/l.Plain.P50 {
			t.Errorf("%s: %+v", l.ID, l)
		}
		if wanted := l.Measure == "first byte"; (l.Respond != nil) != wanted || (l.Verdict != nil) != wanted {
			t.Errorf("%s: %s: respond %+v, met %+v", l.ID, l.Measure, l.Respond, l.Verdict)
		}
	}
	if n := len(got.Parts.Load.Rows); n != 9+2 { // kinds, and two with gzip
		t.Errorf("load: %d rows", n)
	}
	for _, l := range got.Parts.Load.Rows {
		least := 2 * 2 * l.Connections // turns, rounds
		if l.Plain.Requests < least || l.Headstart.Requests < least || l.RateRatio <= 0 || len(l.Plain.Rates) != 2 {
			t.Errorf("%s: %+v", l.ID, l)
		}
	}
	if n := len(got.Parts.Stream.Rows); n != 3*3 { // kinds, protocols
		t.Errorf("stream: %d rows", n)
	}
	for _, l := range got.Parts.Stream.Rows {
		if l.Plain.Count < 2 || l.Headstart.Count != l.Plain.Count || l.Plain.P50 <= 0 || l.Headstart.P50 <= 0 {
			t.Errorf("%s: %+v", l.ID, l)
		}
	}
	if sizes := got.Parts.Scale.Sizes; len(sizes) != 1 || sizes[0].Pages != 40 {
		t.Errorf("scale: %+v", sizes)
	}
}

type fakeResult struct{ Figure int }

func (f *fakeResult) Markdown(w io.Writer) error {
	_, err := fmt.Fprintf(w, "The figure is %d.\n\n", f.Figure)
	return err
}

// What was measured before a part fails is not lost.
func TestFailingPart(t *testing.T) {
	defer func(all []part) { allParts = all }(allParts)
	allParts = []part{
		{name: "good", title: "Good", run: func(context.Context, settings, time.Duration, io.Writer) (result, error) {
			return &fakeResult{42}, nil
		}},
		{name: "bad", title: "Bad", run: func(context.Context, settings, time.Duration, io.Writer) (result, error) {
			return nil, errors.New("broken")
		}},
		{name: "more", title: "More", extra: true},
	}
	file := filepath.Join(t.TempDir(), "figures.json")
	var out bytes.Buffer
	err := run(t.Context(), []string{"-json", file}, &out, new(bytes.Buffer))
	if err == nil || err.Error() != "bad: broken" {
		t.Errorf("error %v", err)
	}
	if !strings.HasSuffix(out.String(), "\n\n## Good\n\nThe figure is 42.\n\n") {
		t.Errorf("report %q", &out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Parts map[string]fakeResult }
	if err := json.Unmarshal(text, &got); err != nil || len(got.Parts) != 1 || got.Parts["good"].Figure != 42 {
		t.Errorf("%s, error %v", text, err)
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"now"},
		{"-only", "nothing"},
		{"-only", "("},
		{"-rounds", "0"},
		{"-visits", "0"},
		{"-time", "0"},
		{"-delay", "1h"},
		{"-pages", "19"},
		{"-pages", "20,20"},
		{"-pages", "many"},
		{"-pages", "1000000000"},
		{"-delay", "5ms,"},
		{"-delay", "5ms,5ms"},
		{"-part", "nothing"},
		{"-part", "wire", "-only", "load"},
		{"-json", filepath.Join(t.TempDir(), "no", "such", "folder")},
		{"-unknown"},
		{"-part", "filmstrip"},
		{"-part", "filmstrip", "-filmstrip", filepath.Join(t.TempDir(), "no", "such", "folder")},
	} {
		if err := run(t.Context(), args, new(bytes.Buffer), new(bytes.Buffer)); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// What a part lacks shows before any is measured, with how to get it.
func TestWithoutChromium(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, flag := range []string{"-browser", "-filmstrip=" + filepath.Join(t.TempDir(), "picture.png")} {
		var out bytes.Buffer
		err := run(t.Context(), []string{flag}, &out, new(bytes.Buffer))
		if !errors.Is(err, chromium.ErrMissing) || !strings.Contains(err.Error(), "apt-get install chromium") || out.Len() > 0 {
			t.Errorf("%s: %v, with the report %q", flag, err, &out)
		}
	}
}
