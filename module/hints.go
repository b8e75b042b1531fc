package module

import (
	"bytes"
	"hash/maphash"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// ask says how far a response has to be looked at for what it asks for.
type ask uint8

const (
	askNothing ask = iota
	askHead
	askBody // the head, too
)

// planHints plans what is hinted. host may be nil. known says that there is a record of
// the page.
func (x *exchange) planHints(host *opening.Host, known bool) {
	if !known || x.plan.Unknown || x.rules.SharedKey {
		x.stray = maphash.Comparable(seed, struct {
			key      request.Key
			url      uint64
			audience request.Audience
		}{x.key, x.visit.Voter.URL, x.verdict.Audience})
	}
	if x.plan.Early == nil && (!x.visit.Hints || x.stray != 0 && x.h.state.store.Refused(x.stray)) {
		x.plan.Hints, x.plan.Hintable = nil, false
		return
	}
	if x.plan.Unknown {
		x.ofHost, x.plan.Policies = host.Hints(x.visit, x.rules, x.h.now())
		for _, value := range x.ofHost {
			if !x.h.state.store.Refused(x.strayHint(value)) {
				x.plan.Hints = append(x.plan.Hints, value)
			}
		}
		x.plan.ImportMap = true // for all that is known
	}
	switch {
	case x.plan.ChecksBody && x.rules.Shell:
		x.ask = askBody
	case x.plan.Checks || len(x.ofHost) > 0:
		x.ask = askHead
	}
}

// strayHint names one of the host's hints on a page that nobody knows.
func (x *exchange) strayHint(value string) uint64 {
	return maphash.Comparable(seed, struct {
		page  uint64
		value string
	}{x.stray, value})
}

// noteAsked takes note of what a page that nobody knows asks for, of what is hinted there:
// the rest was fetched for nothing, and is not hinted there again.
func (x *exchange) noteAsked(asked *opening.Asked) {
	for _, value := range x.ofHost {
		x.h.state.store.Answered(x.strayHint(value), !asked.Has(value, x.rules))
	}
}

// list begins a list of values for the page.
func (x *exchange) list() hints.List {
	return hints.List{Host: x.r.Host, Page: x.rules.Target, Max: x.h.Hints.Max}
}

// soon returns the values of a 103 response: first what the operator declares, then what
// outer handlers ask for, then what the page does.
func (x *exchange) soon(outer []string) []string {
	l := x.list()
	l.Add(x.texts(x.h.declared, hints.Link.Soon)...)
	if !x.rules.NoHints && outer != nil {
		l.Add(x.texts(hints.Parse(outer), hints.Link.Soon)...)
	}
	l.Add(x.worthwhile(x.plan.Hints)...)
	return l.Values()
}

// final returns the values that are added to the Link header of a committed response,
// which has some already.
func (x *exchange) final(already []string) []string {
	if len(x.plan.Links) == 0 && len(x.h.declared) == 0 {
		return nil
	}
	always := func(hints.Link) bool { return true }
	l := x.list()
	l.Has(x.texts(hints.Parse(already), always)...)
	l.Add(x.texts(x.h.declared, func(declared hints.Link) bool {
		return !bytes.Contains(x.plan.Early.Bytes, []byte(declared.Target)) // the page says it itself
	})...)
	l.Add(x.plan.Links...)
	return l.Values()
}

// texts returns the values of those of some Links that are wanted.
func (x *exchange) texts(links []hints.Link, wanted func(hints.Link) bool) (values []string) {
	for _, l := range links {
		if x.plan.ImportMap {
			l = l.WithImportMap()
		}
		if wanted(l) {
			values = append(values, l.String())
		}
	}
	return values
}

// mayHint reports whether a 103 response may be sent: only browsers that navigate use one,
// and there are HTTP/1 intermediaries that take it for the final response (RFC 8297
// section 3). The verdict has excluded HTTP/1.0, which knows none (RFC 9110 section 15.2).
func (x *exchange) mayHint() bool {
	switch x.h.EarlyHints {
	case EarlyHintsOff:
		return false
	case EarlyHintsAuto:
		if x.r.ProtoMajor < 2 {
			return false
		}
	}
	return x.verdict.Commit && x.verdict.Audience != request.Crawler && x.r.Header.Get("Sec-Fetch-Mode") == "navigate"
}

// interim are the Links of the backend's 103 responses. They come on another goroutine
// than the rest.
type interim struct {
	mu    sync.Mutex // protects links
	links []hints.Link
}

// maxInterim is how many are kept.
const maxInterim = 16

// note takes in a header map with a 103 response's; outer handlers had set base.
func (i *interim) note(base, h http.Header) {
	links := hints.Parse(opening.LearnHeaders(http.Header{"Link": base["Link"]}, http.Header{"Link": h["Link"]}).Values("Link"))
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, l := range links {
		if len(i.links) < maxInterim && !slices.Contains(i.links, l) {
			i.links = append(i.links, l)
		}
	}
}

func (i *interim) list() []hints.Link {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.links
}

// anyWriter reports whether a writer, or one that it wraps, is of a kind.
func anyWriter(w http.ResponseWriter, is func(http.ResponseWriter) bool) bool {
	for !is(w) {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = u.Unwrap()
	}
	return true
}

// packageOf returns the path of the package that a writer's type is from, "" if it is no
// pointer. Such types are not exported as a rule.
func packageOf(w http.ResponseWriter) string {
	if t := reflect.TypeOf(w); t.Kind() == reflect.Pointer {
		return t.Elem().PkgPath()
	}
	return ""
}
