package filmstrip

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
)

// screen makes a screen with so many colours.
func screen(t *testing.T, colours int) []byte {
	t.Helper()
	var b bytes.Buffer
	err := png.Encode(&b, paint(20, 20, func(x, _ int) color.RGBA { return color.RGBA{uint8(min(x, colours-1)), 0, 0, 255} }))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Times are as the browser tells them, since the navigation began, and only screens with
// something on them count.
func TestFramesOfAFilm(t *testing.T) {
	const origin = 1_700_000_000 * time.Second
	bare, masthead, entries := screen(t, 2), screen(t, 8), screen(t, 19)
	r := recorder{frames: []frame{
		{origin - time.Millisecond, entries}, // of another page
		{origin + 80*time.Millisecond, bare},
		{origin + 290*time.Millisecond, masthead}, // the camera is early
		{origin + 310*time.Millisecond, masthead},
		{origin + 900*time.Millisecond, entries}, // came before the one below
		{origin + 700*time.Millisecond, masthead},
	}}
	frames, err := r.since(origin, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range frames {
		fmt.Fprintf(&got, "%v %v, ", f.at, map[string]string{string(masthead): "masthead", string(entries): "entries"}[string(f.png)])
	}
	if want := "290ms masthead, 900ms entries, "; got.String() != want {
		t.Errorf("got %s want %s", &got, want)
	}

	r.frames = append(r.frames, frame{origin, []byte("no picture")})
	if _, err := r.since(origin, 0); err == nil {
		t.Error("no error for a frame that is no picture")
	}
}

func TestFilmAt(t *testing.T) {
	f := filmOf(map[int]string{100: "a", 300: "b"})
	for at, want := range map[int]string{0: "", 99: "", 100: "a", 299: "a", 300: "b", 5000: "b"} {
		if got := f.at(time.Duration(at) * time.Millisecond); string(got) != want {
			t.Errorf("after %d ms: %q, want %q", at, got, want)
		}
	}
}

func TestOtherEventsAreNoFrames(t *testing.T) {
	var r recorder
	r.take(&page.EventLoadEventFired{})
	if len(r.frames) > 0 {
		t.Errorf("frames %v", r.frames)
	}
}
