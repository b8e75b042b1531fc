package main

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"

	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

var update = flag.Bool("update", false, "write the screenshots anew")

// The screenshots of the README: their size, and how many bytes they may take.
const (
	shotWidth, shotHeight = 800, 500
	maxShot               = 60_000
)

// The filmstrip of the README, which the bench makes: its width, the most that its height
// may be, and how many bytes it may take.
const (
	stripWidth, stripHeight = 1200, 1000
	maxStrip                = 300_000
)

// The README shows what a visitor sees while the feeds are still being read: nothing,
// and with Headstart the page as it was learned.
func TestScreenshots(t *testing.T) {
	browser := testbrowser.Start(t, "screenshots")
	g := new(gate)
	d := startTestDemo(t, config{wait: g.wait})
	client := d.clients(t)["h2"]
	for range 3 {
		visit(t, client, d.headstartTLS()+"/")
	}
	for _, site := range []struct {
		name, address string
		painted       bool
	}{
		{"plain", d.plainTLS(), false},
		{"headstart", d.headstartTLS(), true},
	} {
		t.Run(site.name, func(t *testing.T) {
			b := testbrowser.Open(t, t, browser)
			testbrowser.Command(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: shotWidth, Height: shotHeight, DeviceScaleFactor: 1,
			})
			reached := g.close()
			// A navigation that has no answer yet does not return.
			b.Leave(t, `location.href = "`+site.address+`/"`)
			<-reached
			if site.painted {
				b.AwaitLeft(t)
				testbrowser.AwaitPaint(t, b)
			}
			shot := testbrowser.Command(t, b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
			g.open()
			if n := colours(t, shot.Data); site.painted != (n > 1) {
				t.Errorf("%d colours", n)
			}
			file := filepath.Join("screenshots", site.name+".png")
			if *update {
				if err := os.WriteFile(file, small(t, shot.Data), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// colours counts the colours of a picture.
func colours(t *testing.T, data []byte) int {
	t.Helper()
	picture := decode(t, data)
	all := make(map[color.Color]bool)
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			all[picture.At(x, y)] = true
		}
	}
	return len(all)
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// small encodes a picture anew, as well as can be.
func small(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, decode(t, data)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadmeHasTheScreenshots(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, shot := range []struct {
		name              string
		smallest, biggest image.Point
		bytes             int // at most
	}{
		{"plain", image.Pt(shotWidth, shotHeight), image.Pt(shotWidth, shotHeight), maxShot},
		{"headstart", image.Pt(shotWidth, shotHeight), image.Pt(shotWidth, shotHeight), maxShot},
		{"filmstrip", image.Pt(stripWidth, stripHeight/2), image.Pt(stripWidth, stripHeight), maxStrip},
	} {
		file := filepath.Join("screenshots", shot.name+".png")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		size := decode(t, data).Bounds().Size()
		if size.X < shot.smallest.X || size.Y < shot.smallest.Y || size.X > shot.biggest.X || size.Y > shot.biggest.Y || len(data) > shot.bytes {
			t.Errorf("%s has %v pixels and %d bytes, want %v to %v and %d at most", shot.name, size, len(data), shot.smallest, shot.biggest, shot.bytes)
		}
		if !strings.Contains(string(readme), "examples/aggregator/"+file) {
			t.Errorf("the README does not show %s", file)
		}
	}
}
