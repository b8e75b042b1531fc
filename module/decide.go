package module

import (
	"context"
	"hash/maphash"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// Levels, as they are reported.
const (
	levelNone  = "none"
	levelHints = "hints"
	levelHead  = "head"
	levelShell = "shell"
)

// Reasons of the handler itself, beside those of packages request and opening.
const (
	reasonHintsOnly = "hints_only"   // `flush hints`
	reasonCrawlers  = "crawlers_off" // `crawlers off`
	reasonPaused    = "paused"       // the brakes are applied
	reasonPolicy    = "policy"       // a policy does not let the page correct itself
	reasonStalled   = "stalled"      // the visitor does not read what comes before
	reasonCollected = "collected"    // the reload of a recovery, answered with the parked response

	// An outer handler, deferred header operations among them, …
	reasonCacheControl = "cache_control" // … makes the response one that caches keep
	reasonBuffered     = "buffered"      // … holds it back until it is complete
)

// exchange is one request and its response. It belongs to the request's
// goroutine; only early is written by another, see joiner.
type exchange struct {
	judged
	inner *http.Request // as the inner handlers get it, see handOver
	start time.Time

	// Written by decide.
	key     request.Key
	scope   request.Scope
	host    string           // names the opening.Host
	cookies []string         // as the request came, but for the marker
	parked  *recovery.Parked // what this reload collects, or nil
	page    *opening.Page
	known   bool // page is a record that is kept
	rules   opening.Rules
	visit   opening.Visit
	plan    opening.Plan

	cancel     context.CancelFunc // ends the inner request, after a commit
	detach     func() bool        // lets the inner request live on when the visitor has left
	commitment commitment         // if plan.Early is set
	expected   *splice.Sequence   // what was sent, before it got nonces of its own
	attended   bool               // attend was called
	asked      opening.Coding     // Plain if the backend is free to compress, and the visitor would take it
	identity   bool               // the backend is asked not to compress
	plain      [1]string          // the Accept-Encoding that says so
	codings    []string           // what the visitor's Accept-Encoding was
	body       *bodyWatch         // of a request that may have a body, else nil

	// See hints.go.
	ofHost []string // the host's hints, if nothing is known of the page
	ask    ask      // what has to be found out of what the response asks for
	hinted int      // how many Link values a 103 response held; 0 if none was sent
	stray  uint64   // names a page of which no record is kept, or none of use; 0 if one is

	interim interim // of the backend's 103 responses

	// Written when the backend answers.
	status    int           // the backend's status, 0 if it gave none
	headOnly  bool          // the backend wants no shell
	header    time.Duration // since start; of the backend's header
	firstByte time.Duration // of the backend's first body byte

	// Written by the joiner.
	early    time.Duration // since start, until the opening was sent
	outcome  outcome
	surprise string // the row of the table that matched, if it was one
	reported bool   // all of the above is final
	flushed  int    // bytes of the opening
}

// varActive marks a request that a Headstart handler has in hand.
const varActive = "headstart.active"

// outermost reports whether no other Headstart handler has the request in hand:
// two of them, from directives with overlapping matchers, would get in each
// other's way.
func (h *Handler) outermost(r *http.Request) bool {
	if caddyhttp.GetVar(r.Context(), varActive) != nil {
		return false
	}
	caddyhttp.SetVar(r.Context(), varActive, true)
	return true
}

// decide plans what to do with a request.
func (j *judged) decide(e evidence, w http.ResponseWriter) *exchange {
	x := &exchange{judged: *j, inner: j.r, start: j.h.startOf(j.r)}
	repl := replacerOf(x.r)
	x.look(e.Facts, repl, w)
	if x.verdict.Reason == request.Marked {
		if x.parked = x.h.state.lot.Collect(e.ticket, x.claim()); x.parked != nil {
			x.reason, x.plan.Observe = reasonCollected, false
		}
	}
	repl.Map(x.placeholder)
	return x
}

// look looks up the page and asks it what to do.
func (x *exchange) look(facts request.Facts, repl *caddy.Replacer, w http.ResponseWriter) {
	h := x.h
	encoded := encodes(w)
	h.siteIn(x.r) // and its identity
	path := ""
	if h.Key != "" {
		path = repl.ReplaceAll(h.Key, "")
	}
	way := choices(h.around, x.r)
	x.key = request.NewKey(h.identity+way, path, x.r, facts, h.request.IgnoreQuery)
	// What the office is shown says nothing of what the world is.
	scope := request.ScopeOf(facts.ClientIP)
	x.scope = scope
	learn := x.verdict.Learn
	x.page = h.state.store.Get(x.key)
	known := x.page != nil
	if !known {
		learn = learn && h.state.store.Admits(x.key)
		x.page = new(opening.Page) // kept once it has learned something
	}
	target, _, _ := strings.Cut(facts.Target, "?") // a query is ignored, or not clean
	x.rules = h.rules
	x.rules.Public = scope == request.Public
	x.rules.Host, x.rules.Target = x.r.Host, target

	codings := x.r.Header.Get("Accept-Encoding")
	x.visit = opening.Visit{
		Header:   x.r.Header,
		Audience: x.verdict.Audience,
		Voter: opening.Voter{
			Network: request.Network(facts.ClientIP),
			URL:     maphash.Comparable(seed, [2]string{x.r.Host, target}),
		},
		Way:        way,
		Learn:      learn,
		Hints:      x.mayHint(),
		Discreet:   !hints.LaxReferrer(w.Header().Get("Referrer-Policy")),
		NeedsPlain: codings != "" && codings != "identity" && !encoded,
	}
	if learn { // nobody else's agent is asked for
		agent := x.r.Header.Get("User-Agent")
		x.visit.Voter.Agent = maphash.String(seed, agent)
		x.visit.Voter.Browser = request.IsBrowser(agent, x.verdict.Crawler)
	}
	x.cookies = x.r.Header["Cookie"]
	x.plan = x.page.Decide(x.visit, x.rules, h.now())
	x.plan.Observe = x.plan.Observe && h.state.store.Affords(x.spender(), known, h.now())
	if x.plan.Warmed > 0 {
		h.state.store.Warmed(x.key, x.page, x.plan.Warmed)
	}
	if x.reason == "" {
		x.reason = x.bars(w)
	}
	if x.reason != "" && x.plan.Early != nil {
		hinted := x.plan.Checks || len(x.plan.Hints) > 0
		if hinted { // all of it has to be looked for, which comparing does
			x.plan.Expected = x.plan.Early.Sequence
		}
		x.plan.Early, x.plan.Checks, x.plan.ChecksBody = nil, hinted, hinted
	}
	if x.known = known; x.plan.Early == nil {
		x.attend()
	}

	// The opening is kept, and compared, uncompressed. Nobody gets a response
	// uncompressed for that who would have got it compressed: either encode
	// stands outside, or the backend is known not to compress.
	switch {
	case x.plan.Early != nil, encoded && (x.plan.Observe || x.plan.Expected != nil || x.ask != askNothing):
		x.identity = true
	case strings.Contains(codings, "gzip"): // what every backend that compresses can do
		x.asked = opening.Plain
	}
}

// spender is whose part of the budget for learning is spent: in scope public the network's.
func (x *exchange) spender() uint64 {
	if !x.rules.Public {
		return 0
	}
	return max(maphash.Comparable(seed, x.visit.Voter.Network), 1)
}

// attend plans what has to be known before the inner handlers begin, and not for a
// commit: it comes behind that.
func (x *exchange) attend() {
	if x.attended {
		return
	}
	x.attended = true
	x.host = string(x.scope) + " " + x.r.Host
	x.planHints(x.h.site.room.Find(x.host), x.known)
	if x.plan.Varies { // inner handlers may change what it varies with
		x.visit.Header = x.r.Header.Clone()
	}
	if x.r.ContentLength < 0 {
		x.watchBody()
	}
}

// bar keeps this handler from committing responses, until the next config.
func (h *Handler) bar(reason string) {
	if h.barred.CompareAndSwap(nil, &reason) {
		h.logger.Warn("no more early responses: an outer handler changes them in a way that does not allow it",
			zap.String("reason", reason))
	}
}

// bars says why a response is not committed although the request allows it.
func (x *exchange) bars(w http.ResponseWriter) string {
	switch {
	case x.verdict.Audience == request.Crawler && x.h.Crawlers == CrawlersOff:
		return reasonCrawlers
	case x.plan.Early == nil:
		return string(x.plan.Reason)
	case x.h.Flush == FlushHints:
		return reasonHintsOnly
	case x.h.site.brakes.applied(x.h.now()):
		return reasonPaused
	case w.Header()["Set-Cookie"] != nil: // by an outer handler, for this visitor
		return string(opening.SetsCookie)
	}
	if reason := x.h.barred.Load(); reason != nil {
		return *reason
	}
	commitment, ok := x.prepare(w)
	if !ok {
		return reasonPolicy
	}
	x.commitment = commitment
	x.expected = x.plan.Early.Sequence
	x.plan.Early = x.plan.Early.Replace(x.plan.Nonces, commitment.nonces)
	return ""
}

// seed makes the hashes of this process. They never leave it.
var seed = maphash.MakeSeed()

// startOf returns when Caddy began to handle the request.
func (h *Handler) startOf(r *http.Request) time.Time {
	if start, ok := caddyhttp.GetVar(r.Context(), "start_time").(time.Time); ok {
		return start
	}
	return h.now()
}

// factsOf collects what Caddy knows of a request.
func factsOf(r *http.Request, marked bool) request.Facts {
	ctx := r.Context()
	f := request.Facts{Target: targetOf(r), ClientIP: clientOf(r), Marked: marked}
	f.TrustedProxy, _ = caddyhttp.GetVar(ctx, caddyhttp.TrustedProxyVarKey).(bool)
	if repl, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		f.User, _ = repl.GetString("http.auth.user.id")
	}
	switch addr := ctx.Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		f.ListenerPort = addr.Port
	case *net.UDPAddr:
		f.ListenerPort = addr.Port
	}
	return f
}

// clientOf returns the visitor's address. None counts as public.
func clientOf(r *http.Request) (ip netip.Addr) {
	if text, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok {
		ip, _ = netip.ParseAddr(text)
	}
	return ip
}

// targetOf returns the request target as the client sent it.
func targetOf(r *http.Request) string {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		return original.RequestURI
	}
	return r.RequestURI
}

const encodePackage = "github.com/caddyserver/caddy/v2/modules/caddyhttp/encode"

// encodes reports whether Caddy's encode stands outside. Its writer is not
// exported, so it is known by its package.
func encodes(w http.ResponseWriter) bool {
	return anyWriter(w, func(w http.ResponseWriter) bool { return packageOf(w) == encodePackage })
}
