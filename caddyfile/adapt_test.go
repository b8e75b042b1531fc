package caddyfile_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives around headstart
	"github.com/google/go-cmp/cmp"

	_ "github.com/headstart-proxy/headstart/caddyfile"
)

var update = flag.Bool("update", false, "write what the adapter gives into the fixtures")

// divider separates a Caddyfile from what is expected of it.
const divider = "----------\n"

// TestAdapt adapts the Caddyfiles in testdata. What is expected of each stands
// below the divider: JSON, or the text of the error.
func TestAdapt(t *testing.T) {
	good, _ := filepath.Glob("testdata/*.caddyfiletest")
	bad, _ := filepath.Glob("testdata/errors/*.caddyfiletest")
	if len(good) == 0 || len(bad) == 0 {
		t.Fatal("no fixtures")
	}
	for _, name := range slices.Concat(good, bad) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(name, "testdata/"), ".caddyfiletest"), func(t *testing.T) {
			fixture, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			caddyfile, want, found := strings.Cut(string(fixture), divider)
			if !found && !*update {
				t.Fatalf("%s has no line of dashes", name)
			}
			got := adapt(t, caddyfile)
			if *update {
				if err := os.WriteFile(name, []byte(caddyfile+divider+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if slices.Contains(good, name) != strings.HasPrefix(got, "{") {
				t.Errorf("%s is in the wrong folder", name)
			}
		})
	}
}

// adapt returns the JSON, or the text of the error.
func adapt(t *testing.T, caddyfile string) string {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		return err.Error() + "\n"
	}
	for _, w := range warnings {
		t.Errorf("warning: %s", w)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return indented.String() + "\n"
}
