package module_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// The transparency tests send the same request to two sites of one Caddy that
// differ only in the directive headstart, and compare all that the visitor and
// the backend see. The options make Headstart as eager as it can be.
const (
	eager = `
	headstart {
		min_wait 0
		learn_after 2
		learn_private
	}
`
	encode = `
	encode zstd gzip
`
)

// twins makes two sites from the same directives, <name> without Headstart and
// <name>_early with it, between those before and those after. They have no
// access log: while the backend answers, Caddy 2.11.9 still counts the bytes of
// the request body for it, which the race detector does not like.
func twins(name, before, after string) string {
	const site = `
http://:<%[1]s>, https://example.test:<%[1]s_tls> {
%[2]s
}
`
	return fmt.Sprintf(site, name, before+"\n"+after) + fmt.Sprintf(site, name+"_early", before+eager+after)
}

// A kind is a kind of visitor, and what it may have met before.
type kind struct {
	name     string
	dress    func(*http.Request)
	taught   bool // the page has been learned
	compared bool // Headstart learns from a page, compares it, or looks for what it has hinted
	early    bool // a page is committed, unless something speaks against it
}

var kinds = []kind{
	{name: "program at a learned page", dress: func(*http.Request) {}, taught: true},
	{name: "browser with a cookie", dress: asReturning, compared: true},
	{name: "browser with a cookie at a learned page", dress: asReturning, taught: true, compared: true},
	{name: "browser on its first visit", dress: asBrowser, compared: true},
	{name: "browser at a learned page", dress: asBrowser, taught: true, early: true},
}

// asBrowser adds what a browser sends when it navigates.
func asBrowser(req *http.Request) {
	maps.Copy(req.Header, browserHeader)
}

// asReturning adds a cookie to that.
func asReturning(req *http.Request) {
	asBrowser(req)
	req.Header.Set("Cookie", "session=1")
}

// A transparencyCase is something that Headstart must not change.
type transparencyCase struct {
	name string
	// try makes the exchange. It is called for both twins and sets the backend's
	// script itself, so that each has gates of its own.
	try func(t *testing.T, x *trial) look
	// check makes sure that the case shows what it is for.
	check func(t *testing.T, l look)

	protocols  []string // all, if empty
	rewritten  bool     // Headstart logs the path that an inner handler made of it
	negotiates bool     // what the backend sends depends on Accept-Encoding
}

func TestTransparent(t *testing.T) {
	origin := startOrigin(t)
	proxy := "\treverse_proxy " + origin.Addr()
	c := startCaddy(t, twins("raw", "", proxy)+twins("encoded", encode, proxy))
	sites := []string{"raw", "encoded"}
	compareTwins(t, trial{c: c, origin: origin}, sites,
		slices.Concat(answerCases, answerStreamCases), slices.Concat(requestCases, requestStreamCases))
}

// compareTwins runs the cases for every protocol, site and kind of visitor. In
// the cases of requests, something of the request itself speaks against a
// commit; in those of answers, nothing does once the page has been learned.
func compareTwins(t *testing.T, x trial, sites []string, answers, requests []transparencyCase) {
	t.Helper()
	eachProtocol(t, func(t *testing.T, v *visitor) {
		for _, site := range sites {
			if raceDetector && strings.HasPrefix(site, "encoded") != (v.protocol == "h2") {
				continue // it looks at how things run, not at what comes out; half is enough
			}
			for _, k := range kinds {
				cases := requests
				if !k.early {
					cases = slices.Concat(answers, requests)
				}
				for _, tc := range cases {
					if !tc.fits(v, site, k) {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s", site, k.name, tc.name), func(t *testing.T) {
						x.v, x.site, x.dress, x.path = v, site, k.dress, "/"+slug(t.Name())+".html"
						tc.run(t, x, k)
					})
				}
			}
		}
	})
}

// plainOnly tells whether the backend may be asked for an uncompressed page.
// Headstart wants that of a page that it looks at, where encode stands outside
// and compresses for the visitor.
func plainOnly(site string, k kind) bool { return k.compared && strings.HasPrefix(site, "encoded") }

// fits tells whether a case makes sense.
func (tc transparencyCase) fits(v *visitor, site string, k kind) bool {
	if len(tc.protocols) > 0 && !slices.Contains(tc.protocols, v.protocol) {
		return false
	}
	return !tc.negotiates || !plainOnly(site, k)
}

// run compares the two twins.
func (tc transparencyCase) run(t *testing.T, x trial, k kind) {
	x.place(t)
	visits := 0
	if k.taught {
		early := x
		early.site += "_early"
		visits = early.teach(t)
	}
	tc.compare(t, x, k, visits)
}

// compare makes the exchange with both twins, after so many visits that taught.
func (tc transparencyCase) compare(t *testing.T, x trial, k kind, visits int) {
	t.Helper()
	plain, early := x, x
	early.site += "_early"
	want := tc.try(t, &plain)
	tc.check(t, want)
	got := tc.try(t, &early)
	hinted := got.dropHint()
	if hinted {
		want.drop103() // browsers heed the first one only
	}

	options := cmp.Options{cmpopts.EquateErrors(), cmpopts.EquateEmpty()}
	if plainOnly(x.site, k) {
		options = append(options, cmpopts.IgnoreMapEntries(func(name string, _ []string) bool {
			return name == "Accept-Encoding"
		}))
	}
	if diff := cmp.Diff(want.comparable(), got.comparable(), options); diff != "" {
		t.Errorf("not the same (-without headstart +with):\n%s", diff)
	}
	if !tc.rewritten {
		early.notCommitted(t, visits, hinted)
	}
}

// TestTransparentMeansNotCommitted is the counter-check: a learned page does
// come early, so that the tests above would notice if they met such a page.
func TestTransparentMeansNotCommitted(t *testing.T) {
	origin := startOrigin(t)
	c := startCaddy(t, twins("raw", "", "\treverse_proxy "+origin.Addr()))
	eachProtocol(t, func(t *testing.T, v *visitor) {
		x := &trial{c: c, v: v, origin: origin, site: "raw_early", path: "/" + v.protocol}
		x.teach(t)
		gate := testorigin.NewGate()
		origin.Handle(x.path, testorigin.Wait(gate), htmlHead, testorigin.Write(page))
		r := v.send(t, navigate(t, v.url(t, c, x.site, x.path)))
		r.readUntil(t, "/style.css")
		r.stillOpen(t)
		gate.Open()
		if _, end := r.rest(t); end != cleanEnd {
			t.Error(end)
		}
	})
}

// slug makes a path segment of a test's name.
func slug(name string) string {
	return strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name, "-"), "-")
}
