package module_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	cdpage "github.com/chromedp/cdproto/page"

	"github.com/headstart-proxy/headstart/internal/testbrowser"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// paintedPage has areas of a colour each: one comes early, the other does not, for it
// has another class each time.
const paintedPage = doctype + `<html lang="en"><head><meta charset="utf-8"><title>A page</title><link rel="stylesheet" href="/paint.css"></head>` +
	`<body><nav>Latest</nav><main class="v{visit}">What is new</main></body></html>` + "\n"

const paintedStyle = "body { margin: 0 } nav { background: rgb(0, 90, 200); height: 60px } main { background: rgb(200, 90, 0); height: 60px }"

// The colours of paintedPage, and where they are.
var (
	navColor, mainColor = color.RGBA{0, 90, 200, 255}, color.RGBA{200, 90, 0, 255}
	inNav, inMain       = image.Pt(400, 30), image.Pt(400, 90)
	white               = color.RGBA{255, 255, 255, 255}
)

// The visitor sees the navigation, in style, before the backend has said anything.
func TestBrowserPaintsBeforeTheBackendAnswers(t *testing.T) {
	s := startBrowserSites(t, "")
	s.origin.Handle("/paint.css", testorigin.Header(200, "Content-Type", "text/css"), testorigin.Write(paintedStyle))
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			path := "/painted-" + protocol
			v := newVisitor(t, protocol)
			s.teach(t, v, "site", path, served{body: paintedPage}, "")

			gate := testorigin.NewGate()
			answer := served{body: strings.ReplaceAll(paintedPage, "{visit}", "9")}
			s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, answer.steps()...)...)
			b := s.tab(t, "")
			load(t, b, s.address(t, v, "site", path), path, true, func() {
				await(t, "the request at the backend", gate.Arrived())
				testbrowser.AwaitPaint(t, b)
				if rect := testbrowser.Evaluate[[]float64](t, b, `(r => [r.left, r.top, r.height])(document.querySelector("nav").getBoundingClientRect())`); rect[0] != 0 || rect[1] != 0 || rect[2] != 60 {
					t.Errorf("the navigation is at %v", rect)
				}
				checkPixels(t, b, map[image.Point]color.RGBA{inNav: navColor, inMain: white})
				gate.Open()
			})
			checkPixels(t, b, map[image.Point]color.RGBA{inNav: navColor, inMain: mainColor})
			drain(t, s.origin)
			e := s.c.logs.access(t, 4, path)[3]
			if level, outcome := e.field("headstart", "level"), e.field("headstart", "outcome"); level != "shell" || outcome != "exact" {
				t.Errorf("level %v, outcome %v", level, outcome)
			}
		})
	}
}

// checkPixels compares a screenshot with colours.
func checkPixels(t *testing.T, b *tab, want map[image.Point]color.RGBA) {
	t.Helper()
	shot := testbrowser.Command(t, b, cdpage.CaptureScreenshot, cdpage.CaptureScreenshotParams{})
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range want {
		if got := color.RGBAModel.Convert(picture.At(at.X, at.Y)); got != want {
			t.Errorf("the colour at %v is %v, want %v", at, got, want)
		}
	}
}
