package filmstrip

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/browser"
)

// What the picture measures, in pixels. It is about as wide as a README.
const (
	width  = 1200
	column = 117 // so that all columns fit beside the labels
)

//go:embed compose.html
var composeHTML string

var composeTemplate = template.Must(template.New("compose.html").Parse(composeHTML))

// sheet is what the template gets.
type sheet struct {
	Title   string
	Width   int
	Column  int
	Screen  template.CSS // the ratio of a screen's sides
	Moments []string
	Rows    []sheetRow
}

type sheetRow struct {
	Label, Note string
	Cells       []sheetCell
}

type sheetCell struct {
	Picture template.URL // "" for a blank screen
	First   string       // when it was painted first, where this is the first one
}

// compose returns the picture. The browser that has filmed draws it, too: it can write.
func (s *studio) compose(title string, st strip) ([]byte, error) {
	sh := sheet{
		Title:  title,
		Width:  width,
		Column: column,
		Screen: template.CSS(fmt.Sprintf("%d / %d", s.device.width, s.device.height)), //nolint:gosec // two numbers
	}
	for i, m := range st.moments {
		label := fmt.Sprintf("%.1f s", m.Seconds())
		if i > 0 && m > st.moments[i-1]+step {
			label = "… " + label
		}
		sh.Moments = append(sh.Moments, label)
	}
	for i, row := range st.rows {
		r := sheetRow{Label: frontEnds[i].label, Note: frontEnds[i].note}
		for _, c := range row.cells {
			var to sheetCell
			if c.png != nil {
				to.Picture = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(c.png)) //nolint:gosec // our own
			}
			if c.marked {
				to.First = fmt.Sprintf("%.2f s", row.firstPaint.Seconds())
			}
			r.Cells = append(r.Cells, to)
		}
		sh.Rows = append(sh.Rows, r)
	}
	var document bytes.Buffer
	if err := composeTemplate.Execute(&document, sh); err != nil {
		return nil, fmt.Errorf("composing the picture: %w", err)
	}
	shot, err := draw(s.browser.Context, document.String())
	if err != nil {
		return nil, fmt.Errorf("drawing the picture: %w", err)
	}
	return shrink(shot)
}

// draw returns what a document looks like, as PNG.
func draw(within context.Context, document string) ([]byte, error) {
	ctx, closeTab := chromedp.NewContext(within, chromedp.WithNewBrowserContext())
	defer closeTab()
	if err := chromedp.Do(ctx); err != nil {
		return nil, err
	}
	if _, err := browser.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: 100, DeviceScaleFactor: 1,
	}); err != nil {
		return nil, err
	}
	// What about:blank is made into is no document to chromedp.
	if _, err := browser.Call(ctx, page.Navigate, page.NavigateParams{URL: "data:text/html,"}); err != nil {
		return nil, err
	}
	tree, err := browser.Call(ctx, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return nil, err
	}
	if _, err := browser.Call(ctx, page.SetDocumentContent, page.SetDocumentContentParams{FrameID: tree.FrameTree.Frame.ID, HTML: document}); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, browser.Patience)
	defer cancel()
	height, err := chromedp.Run(limited, chromedp.Evaluate[float64](
		`Promise.all([...document.images].map(i => i.decode())).then(() => document.documentElement.offsetHeight)`, chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, err
	}
	shot, err := browser.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip:                  &page.Viewport{Width: width, Height: height, Scale: 1},
		CaptureBeyondViewport: new(true),
	})
	return shot.Data, err
}

// shrink encodes a picture anew, in as few bytes as can be.
func shrink(data []byte) ([]byte, error) {
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading the picture: %w", err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, quantise(picture)); err != nil {
		return nil, fmt.Errorf("writing the picture: %w", err)
	}
	return small.Bytes(), nil
}
