package browser

import (
	"errors"
	"fmt"
	"time"
)

// The metrics. All but the shift are milliseconds since the navigation began.
const (
	fcp         = "fcp"                // First Contentful Paint
	lcp         = "lcp"                // Largest Contentful Paint, the last one
	cls         = "cls"                // Cumulative Layout Shift, no unit
	old         = "old_page"           // from the click until the old page is hidden
	stylesheet  = "stylesheet"         // the start of the first stylesheet's download, by the access log
	contentLoad = "dom_content_loaded" // the end of the event
	loaded      = "load"               // the start of the event
)

// metrics are in the order of columns.
var metrics = []struct{ id, name string }{
	{fcp, "FCP"},
	{lcp, "LCP"},
	{cls, "CLS"},
	{old, "old page usable"},
	{stylesheet, "stylesheet starts"},
	{contentLoad, "DOMContentLoaded"},
	{loaded, "load"},
}

// raw is what measure.js returns. Times are milliseconds since the navigation began.
type raw struct {
	FCP        *float64   `json:"fcp"`
	LCPs       []paint    `json:"lcps"`
	Shifts     []shift    `json:"shifts"`
	Navigation navigation `json:"navigation"`
	Resources  []resource `json:"resources"`
	Origin     float64    `json:"origin"` // of the times, milliseconds since 1970
	Sheet      float64    `json:"sheet"`  // the start of the first stylesheet's download
	Old        float64    `json:"old"`    // how long the old page was there after the click
	Told       string     `json:"told"`   // LevelHeader
}

// A paint is one candidate for the largest.
type paint struct {
	At      float64 `json:"at"`
	Size    float64 `json:"size"`    // CSS pixels
	Element string  `json:"element"` // its name and class
}

// A shift is a layout shift.
type shift struct {
	At    float64 `json:"at"`
	Value float64 `json:"value"`
	Input bool    `json:"input"` // it follows an input, and does not count
}

// navigation is what is used of PerformanceNavigationTiming.
type navigation struct {
	ConnectStart     float64 `json:"connectStart"`
	ConnectEnd       float64 `json:"connectEnd"`
	RequestStart     float64 `json:"requestStart"`
	InterimStart     float64 `json:"firstInterimResponseStart"` // of a 103 response; 0 if there was none
	FinalStart       float64 `json:"finalResponseHeadersStart"`
	ResponseStart    float64 `json:"responseStart"`
	ResponseEnd      float64 `json:"responseEnd"`
	DOMContentLoaded float64 `json:"domContentLoadedEventEnd"`
	Load             float64 `json:"loadEventStart"`
	Protocol         string  `json:"nextHopProtocol"`
	Bytes            float64 `json:"encodedBodySize"`
}

// resource is what is used of PerformanceResourceTiming.
type resource struct {
	Name         string  `json:"name"` // its URL
	Initiator    string  `json:"initiatorType"`
	Start        float64 `json:"startTime"`
	RequestStart float64 `json:"requestStart"`
	ResponseEnd  float64 `json:"responseEnd"`
	Bytes        float64 `json:"encodedBodySize"`
}

// values returns the metrics of a visit. An error says which there is none of.
func (r *raw) values() (map[string]float64, error) {
	switch {
	case r.FCP == nil:
		return nil, errors.New("the browser tells no first contentful paint")
	case len(r.LCPs) == 0:
		return nil, errors.New("the browser tells no largest contentful paint")
	case r.Navigation.Protocol != "h2":
		return nil, fmt.Errorf("the page came by %q, not by h2", r.Navigation.Protocol)
	case r.Navigation.ConnectEnd == r.Navigation.ConnectStart:
		return nil, errors.New("the page came over a connection that was there before")
	}
	return map[string]float64{
		fcp:         *r.FCP,
		lcp:         r.LCPs[len(r.LCPs)-1].At,
		cls:         layoutShift(r.Shifts),
		old:         r.Old,
		stylesheet:  r.Sheet,
		contentLoad: r.Navigation.DOMContentLoaded,
		loaded:      r.Navigation.Load,
	}, nil
}

// overLink reports whether the answer took as long as a round trip over a link takes.
func (r *raw) overLink(rtt time.Duration) bool {
	ms := r.Navigation.ResponseStart - r.Navigation.RequestStart
	return ms >= 0.95*float64(rtt.Milliseconds()) // browsers tell coarse times
}

// asked takes when a site was asked for the first stylesheet, over a link with this
// round trip time. Its clock is the browser's.
func (r *raw) asked(at time.Time, rtt time.Duration) {
	since := at.Add(-rtt / 2).Sub(time.UnixMicro(int64(r.Origin * 1000)))
	r.Sheet = float64(since.Microseconds()) / 1000
}

// layoutShift is Cumulative Layout Shift: the most that moved in one session window,
// whose shifts are less than 1 s apart and which is at most 5 s long
// (https://web.dev/articles/cls). The shifts are in the order of their times.
func layoutShift(shifts []shift) (most float64) {
	const gap, length = 1000, 5000 // ms
	var sum, first, last float64
	for _, s := range shifts {
		if s.Input {
			continue
		}
		if sum > 0 && s.At-last < gap && s.At-first < length {
			sum += s.Value
		} else {
			sum, first = s.Value, s.At
		}
		last = s.At
		most = max(most, sum)
	}
	return most
}
