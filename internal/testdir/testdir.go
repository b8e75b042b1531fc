// Package testdir makes directories for tests that start what writes on while it ends.
package testdir

import (
	"os"
	"testing"
)

// New makes a directory that ends with the test; what is a part of its name. It is for
// whatever writes there in the background and cannot be waited for: t.TempDir fails if
// a file appears while it is being removed.
func New(t *testing.T, what string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "headstart-"+what+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
		}
		t.Logf("left behind: %v", err)
	})
	return dir
}
