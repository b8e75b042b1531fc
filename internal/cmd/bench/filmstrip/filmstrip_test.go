package filmstrip

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// The tests start this program as its own Caddy.
func TestMain(m *testing.M) {
	rig.BeChild()
	os.Exit(m.Run())
}

func TestOptions(t *testing.T) {
	o, err := Options{File: "a.png"}.complete()
	if want := (Options{"a.png", 1200 * time.Millisecond, 3}); err != nil || o != want {
		t.Errorf("the defaults are %+v, %v", o, err)
	}
	file := filepath.Join(t.TempDir(), "picture.png")
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{}, "file"},
		{Options{File: file, Delay: -1}, "delay"},
		{Options{File: file, Rounds: -1}, "rounds"},
	} {
		if _, err := Run(t.Context(), test.o, t.Output()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want an error about %s", test.o, err, test.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	r := Result{
		File: "a.png", Delay: 1200, Device: "a slow phone",
		Rows: []Row{{"Plain Caddy", []float64{2000, 1900, 2400}, 2100}, {"Headstart", []float64{800.4, 700}, 1600}},
	}
	var b strings.Builder
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	const want = `a.png shows the aggregator, which takes 1200 ms for a page, on a slow phone.

| front end | first paint, ms | load, ms |
| --- | --: | --: |
| Plain Caddy | 2000 | 2100 |
| Headstart | 700 | 1600 |

`
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
