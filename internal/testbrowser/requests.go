package testbrowser

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// Source is where a response came from. It is empty if there is none.
type Source string

// The sources of a response. What came from no network but the one behind EarlyHints
// has no Bytes.
const (
	Network     Source = "network" // also if a cache had it, and the server said that it is fresh
	DiskCache   Source = "disk cache"
	MemoryCache Source = "memory cache" // of the process that shows the page
	// EarlyHints is the network, or a cache, before there was a page: a 103 response
	// made the browser load it, and the page has found it there.
	EarlyHints Source = "early hints"
)

// Request is a request of a page, over http or https.
//
// A page asks for nothing before the response with its document has arrived. So only
// what came from EarlyHints began before. What a 103 response made the browser load is
// no request of its own, and not seen if the page did not find it: it did not ask for
// it, or had to fetch it again, which is a request to Network.
type Request struct {
	URL    string
	Type   network.ResourceType // as in network.ResourceTypeStylesheet
	Source Source
	Hinted bool // the browser has noticed a 103 response in front of this one
	Bytes  int  // that came over the network for it, as far as Chromium tells
}

// Requests returns the requests of all documents since the last load began, in the
// order of their start, redirects included. It waits until all have ended.
func (b *Tab) Requests(t *testing.T) []Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var all []Request
	if !wait(ctx, b.ended, func() (ended bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		all, ended = b.traffic.requests()
		return ended
	}) {
		t.Fatalf("not all requests end: %+v", all)
	}
	return all
}

// traffic is what a tab has asked for.
type traffic []*exchange

type exchange struct {
	Request

	id    network.RequestID
	ended bool
}

// requests returns the requests, and whether all have ended.
func (f traffic) requests() (all []Request, ended bool) {
	ended = true
	for _, x := range f {
		all = append(all, x.Request)
		ended = ended && x.ended
	}
	return all, ended
}

// last returns the last exchange with an id, which redirects share.
func (f traffic) last(id network.RequestID) *exchange {
	for _, x := range slices.Backward(f) {
		if x.id == id {
			return x
		}
	}
	return new(exchange) // of a page that was left
}

// take takes an event, and returns whether a request has ended.
func (f *traffic) take(event any) (ended bool) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		ended = f.begin(e)
	case *network.EventResponseReceivedEarlyHints:
		f.last(e.RequestID).Hinted = true
	case *network.EventRequestServedFromCache:
		f.last(e.RequestID).Source = MemoryCache
	case *network.EventResponseReceived:
		f.last(e.RequestID).respond(e.Response)
	case *network.EventDataReceived:
		f.last(e.RequestID).Bytes += int(e.EncodedDataLength)
	case *network.EventLoadingFinished:
		x := f.last(e.RequestID)
		// For an image this may be less than what was told before.
		x.Bytes = max(x.Bytes, int(e.EncodedDataLength))
		x.ended, ended = true, true
	case *network.EventLoadingFailed:
		f.last(e.RequestID).ended, ended = true, true
	}
	return ended
}

// begin begins an exchange, and returns whether a redirect has ended another one.
func (f *traffic) begin(e *network.EventRequestWillBeSent) (ended bool) {
	if e.RedirectResponse != nil {
		x := f.last(e.RequestID)
		x.respond(e.RedirectResponse)
		x.ended, ended = true, true
	}
	document := network.RequestID(e.LoaderID) // whose request has the same id
	ours := e.RequestID == document || f.last(document).id != ""
	if ours && strings.HasPrefix(e.Request.URL, "http") {
		*f = append(*f, &exchange{Request: Request{URL: e.Request.URL, Type: e.Type}, id: e.RequestID})
	}
	return ended
}

// respond takes what a response tells about where it came from.
func (x *exchange) respond(r *network.Response) {
	switch {
	case x.Source == MemoryCache: // tells how it came there
		return
	case r.FromEarlyHints: // from the disk cache, too
		x.Source = EarlyHints
	case r.FromDiskCache:
		x.Source = DiskCache
	default:
		x.Source = Network
	}
	x.Bytes += int(r.EncodedDataLength)
}
