package chromium

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Whatever it is called, it is found; chromium first.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if path, err := Find(); !errors.Is(err, ErrMissing) {
		t.Errorf("in an empty folder: %q, %v", path, err)
	}
	for _, name := range []string{"google-chrome", "chromium"} {
		want := filepath.Join(dir, name)
		if err := os.WriteFile(want, nil, 0o700); err != nil {
			t.Fatal(err)
		}
		if path, err := Find(); err != nil || path != want {
			t.Errorf("%q, %v, want %s", path, err, want)
		}
	}
}
