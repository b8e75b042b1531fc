package django

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The server alone, as measurements start it, has the pages that are compared.
func TestServer(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, THE DJANGO EXAMPLE WAS NOT TESTED: -short is set")
	}
	markSources(t)
	s, err := Start(t.Context(), time.Millisecond)
	if errors.Is(err, ErrMissing) {
		skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	v := newVisitor(t, false)
	for _, path := range []string{"/", StreamedPath} {
		got := v.get(t, "http://"+s.Addr+path)
		if n := strings.Count(got.body, `<article class="entry"`); got.status != http.StatusOK || n != 64 {
			t.Errorf("%s: status %d and %d entries, want 200 and 64", path, got.status, n)
		}
	}
	v.client.CloseIdleConnections() // gunicorn waits for them
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", s.Addr); err == nil {
		c.Close()
		t.Error("something still listens")
	}
}

func TestServerDoesNotStart(t *testing.T) {
	if _, err := Start(t.Context(), -time.Millisecond); err == nil || !strings.Contains(err.Error(), "0 or more") {
		t.Errorf("a negative delay: %v", err)
	}
	t.Setenv("PYTHON", "no-such-python")
	_, err := Start(context.Background(), 0)
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "apt-get install python3-django gunicorn") {
		t.Errorf("without Django: %v, want what to install", err)
	}
}
