package filmstrip

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"slices"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/browser"
)

// stillness is how long the last frames of a page may take to arrive.
const stillness = 300 * time.Millisecond

// A film is what was on the screen during one load. It has one frame or more.
type film struct {
	frames     []frame // in the order of their times
	firstPaint time.Duration
	loaded     time.Duration
}

// A frame is what the screen showed from a moment on, since the navigation began.
type frame struct {
	at  time.Duration
	png []byte
}

// at returns what the screen showed at a moment, nil if it was blank still.
func (f *film) at(moment time.Duration) []byte {
	after, _ := slices.BinarySearchFunc(f.frames, moment, func(f frame, moment time.Duration) int {
		if f.at <= moment {
			return -1
		}
		return 1
	})
	if after == 0 {
		return nil
	}
	return f.frames[after-1].png
}

// timing is what the browser tells of a load. The origin is milliseconds since 1970, the
// others since the navigation began.
type timing struct {
	Origin     float64 `json:"origin"`
	FirstPaint float64 `json:"firstPaint"`
	Loaded     float64 `json:"loaded"`
}

const timingScript = `(async () => {
	if (document.readyState != "complete") await new Promise(done => addEventListener("load", done));
	await document.fonts.ready;
	const paint = await new Promise(done => new PerformanceObserver(list => {
		const [first] = list.getEntriesByName("first-contentful-paint");
		if (first) done(first);
	}).observe({type: "paint", buffered: true}));
	return {
		origin: performance.timeOrigin,
		firstPaint: paint.startTime,
		loaded: performance.getEntriesByType("navigation")[0].loadEventStart,
	}
})()`

// A recorder collects the frames of a tab. The times are the browser's clock, since 1970.
//
// They come from Page.startScreencast: the browser sends a frame when the screen has
// changed, with its time, and makes none by itself. Page.captureScreenshot at fixed times
// would make the page draw for each, which costs it most while it loads.
type recorder struct {
	ctx  context.Context
	seen func([]byte) // is called with each frame; may be nil

	mu     sync.Mutex
	frames []frame
	level  string // of the page, by browser.LevelHeader
}

func (r *recorder) take(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case *page.EventScreencastFrame:
		r.frames = append(r.frames, frame{seconds(e.Metadata.Timestamp.Float64()), e.Data})
		go func() { // events wait for this function
			_, _ = browser.Call(r.ctx, page.ScreencastFrameAck, page.ScreencastFrameAckParams{SessionID: e.SessionID})
			if r.seen != nil {
				r.seen(e.Data)
			}
		}()
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			r.level = browser.LevelOf(browser.Told(e.Response.Headers))
		}
	}
}

// since returns the frames with their times since a navigation began. Repeated ones are
// left out, and those on which nothing is yet: of the tab before the page, with
// backgrounds only, or from before the first paint, but for what clocks and the camera
// may be off. r.mu must be held.
func (r *recorder) since(origin, firstPaint time.Duration) ([]frame, error) {
	var all []frame
	for _, f := range r.frames {
		f.at -= origin
		blank, err := isBlank(f.png)
		if err != nil {
			return nil, err
		}
		if !blank && f.at > firstPaint-step {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b frame) int { return cmp.Compare(a.at, b.at) })
	return slices.CompactFunc(all, func(a, b frame) bool { return bytes.Equal(a.png, b.png) }), nil
}

// backgrounds is how many colours may be on a screen without text, which has many, as
// its edges are smooth.
const backgrounds = 4

// isBlank tells whether nothing but backgrounds is on a screen.
func isBlank(data []byte) (bool, error) {
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return false, fmt.Errorf("reading a frame: %w", err)
	}
	bounds := picture.Bounds()
	colours := make(map[color.Color]bool)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if colours[picture.At(x, y)] = true; len(colours) > backgrounds {
				return false, nil
			}
		}
	}
	return true, nil
}

// film films a load of a front end's page in a tab of its own, without cache, cookies and
// connections. seen is called with each frame, as it comes; it may be nil.
func (s *studio) film(f frontEnd, seen func([]byte)) (film, error) {
	ctx, closeTab := chromedp.NewContext(s.browser.Context, chromedp.WithNewBrowserContext())
	defer closeTab()
	if err := chromedp.Do(ctx); err != nil { // without a timeout, which would be the tab's
		return film{}, fmt.Errorf("opening a tab: %w", err)
	}
	r := &recorder{ctx: ctx, seen: seen}
	if err := chromedp.Listen(ctx, r.take); err != nil {
		return film{}, fmt.Errorf("opening a tab: %w", err)
	}
	if err := s.emulate(ctx); err != nil {
		return film{}, fmt.Errorf("emulating the device: %w", err)
	}
	if _, err := browser.Call(ctx, page.StartScreencast, page.StartScreencastParams{Format: page.StartScreencastFormatPng}); err != nil {
		return film{}, fmt.Errorf("starting the camera: %w", err)
	}
	url := s.stage.URL(f.front.Name, s.path(f))
	if result, err := browser.Call(ctx, page.Navigate, page.NavigateParams{URL: url}); err != nil || result.ErrorText != "" {
		return film{}, fmt.Errorf("loading %s: %w", url, errors.Join(err, errors.New(result.ErrorText)))
	}
	limited, cancel := context.WithTimeout(ctx, browser.Patience)
	defer cancel()
	t, err := chromedp.Run(limited, chromedp.Evaluate[timing](timingScript, chromedp.EvalAwaitPromise))
	if err != nil {
		return film{}, fmt.Errorf("loading %s: %w", url, err)
	}
	select {
	case <-time.After(stillness):
	case <-ctx.Done():
		return film{}, context.Cause(ctx)
	}
	if _, err := browser.Call(ctx, page.StopScreencast, cdp.Empty{}); err != nil {
		return film{}, fmt.Errorf("stopping the camera: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	firstPaint := seconds(t.FirstPaint / 1000)
	frames, err := r.since(seconds(t.Origin/1000), firstPaint)
	switch {
	case err != nil:
	case len(frames) == 0:
		err = errors.New("the camera has seen nothing")
	case r.level != f.front.Flush:
		err = fmt.Errorf("its level is %q, not %q", r.level, f.front.Flush)
	}
	if err != nil {
		return film{}, fmt.Errorf("loading %s: %w", url, err)
	}
	return film{frames, firstPaint, seconds(t.Loaded / 1000)}, nil
}

func (s *studio) emulate(ctx context.Context) error {
	if _, err := browser.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: s.device.width, Height: s.device.height, DeviceScaleFactor: 1, Mobile: true,
	}); err != nil {
		return err
	}
	_, err := browser.Call(ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: s.device.slowdown})
	return err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
