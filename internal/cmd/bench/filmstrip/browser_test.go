package filmstrip

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"sync"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/backends"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// held is the gate in front of the feeds, which are above Headstart's min_wait.
type held struct {
	mu   sync.Mutex
	gate chan struct{} // closed to let them go; nil while they may
}

const feedsDelay = 120 * time.Millisecond

func (h *held) wait(ctx context.Context, latency time.Duration) error {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	var passed <-chan time.Time // never, while there is a gate
	if gate == nil {
		passed = time.After(latency)
	}
	select {
	case <-gate:
		return nil
	case <-passed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hold holds the feeds back until open is called.
func (h *held) hold() (open func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	gate := make(chan struct{})
	h.gate = gate
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.gate = nil
		close(gate)
	})
}

// What is painted while the feeds are held back is in the film, and the picture shows all
// of them.
func TestBrowserFilm(t *testing.T) {
	testbrowser.Need(t, "the filmstrip")
	feeds := new(held)
	backend, err := backends.HeldAggregator(feedsDelay, feeds.wait)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := openStudio(t.Context(), device{width: 360, height: 560, slowdown: 1}, backend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)

	var films []film
	for _, f := range frontEnds {
		early := f.split || f.front.Flush != ""
		var painted chan struct{}
		var seen func([]byte)
		if early {
			open := feeds.hold()
			defer open() // also if the test fails
			painted = make(chan struct{})
			once := sync.OnceFunc(func() {
				close(painted)
				open()
			})
			seen = func(data []byte) {
				if blank, err := isBlank(data); err != nil || !blank {
					once()
				}
			}
		}
		take, err := s.film(f, seen) // does not end while the feeds are held
		if err != nil {
			t.Fatalf("%s: %v", f.front.Name, err)
		}
		if take.firstPaint <= 0 || take.loaded <= 0 {
			t.Errorf("%s: first paint %v, load %v", f.front.Name, take.firstPaint, take.loaded)
		}
		films = append(films, take)
	}

	data, err := s.compose("A <title>", layOut(films))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := picture.(*image.Paletted); !ok || picture.Bounds().Dx() != width || picture.Bounds().Dy() < 300 {
		t.Errorf("the picture is a %T of %v", picture, picture.Bounds().Size())
	}
}
