package module

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Defaults and limits of the options of Handler.
const (
	DefaultLearnAfter = 3
	DefaultMinWait    = 30 * time.Millisecond
	DefaultMaxOpening = 64 << 10
	DefaultExpire     = 10 * time.Minute

	MinLearnAfter = 2
	MaxLearnAfter = 16
	MinMaxOpening = 1 << 10
	MaxMaxOpening = 1 << 20
	MinExpire     = time.Second
	MaxExpire     = 24 * time.Hour
)

// maxLinger is how long a response stays open for its recovery markup to arrive,
// and to lead the visitor away, before it is aborted: long enough for a slow link
// to take in an opening.
var maxLinger = 5 * time.Second // tests shorten it

// clock is what handlers tell the time by.
var clock = time.Now // tests replace it

// The values of Handler.Flush.
const (
	FlushHints = "hints"
	FlushHead  = "head"
	FlushShell = "shell"
)

// The values of Handler.Crawlers.
const (
	CrawlersOff   = "off"
	CrawlersHead  = "head"
	CrawlersShell = "shell"
)

// The values of Handler.EarlyHints.
const (
	EarlyHintsAuto = "auto"
	EarlyHintsOn   = "on"
	EarlyHintsOff  = "off"
)

// Handler answers a page request at once with the part of the page that it has
// learned, the opening, and streams the rest from the handlers behind it (most
// often reverse_proxy) as it comes. It learns by watching responses to requests
// that carry nothing personal. The backend needs no change.
//
// It sets these placeholders:
//
// Placeholder | Description
// ------------|------------
// `{http.headstart.level}` | How far the response was committed before the backend answered: `none`, `hints`, `head` or `shell`
// `{http.headstart.reason}` | Why it was not committed, a short fixed word; empty after a commit
// `{http.headstart.audience}` | `anonymous` (no cookies, or none of `session_cookie`), `returning` (cookies) or `crawler`; empty if the request is no page navigation
// `{http.headstart.crawler}` | The crawler that the request says it comes from, by family (`googlebot`, `bingbot`, `gptbot`, …); `other` for bots that are not listed; empty for everybody else
// `{http.headstart.hints}` | How many Link values the 103 response held that was sent; 0 if none was
// `{http.headstart.outcome}` | How a committed response ended: `exact`, `merged`, `repaired`, `reloaded`, `redirected`, `failed`, `aborted` or `canceled`
// `{http.headstart.backend_status}` | The status that the backend gave, which a committed response does not show
// `{http.headstart.early_ms}` | Milliseconds from the start of the request until the opening was sent
// `{http.headstart.backend_header_ms}` | Milliseconds until the backend's header
// `{http.headstart.backend_body_ms}` | Milliseconds until the backend's first body byte
// `{http.headstart.saved_ms}` | Milliseconds by which the first byte came earlier than the backend's header
//
// The level, reason, audience, crawler and hints are there before the response is written,
// so a deferred `header` (`header >Name …`, or with `defer`) can use them; the others
// when the handler returns. `log_append` sees all of them, but for responses that
// end in an abort, where it adds nothing; the access log field `headstart` is
// there for those too.
type Handler struct {
	// The highest level that a response may be committed to before the backend
	// answers: `hints`, `head` or `shell`. The level used is the highest that
	// the page has earned. `hints` commits nothing: browsers get a 103 response that
	// names what the page will ask for. `head` is the document
	// up to the end of its head: downloads start, nothing is painted. `shell` goes on
	// into the body as far as responses agree: what visitors see first may be as old as
	// the last answer that was learned from, until the backend has answered. Use
	// `head`, or `stop_at`, where a stale second matters. Default: `shell`.
	Flush string `json:"flush,omitempty"`

	// Where the shell ends at the latest: before the first element of the body with
	// one of these names (`main`), or ids if they begin with a `#` (`#prices`). In a
	// page, the comment `<!--headstart:stop-->` does the same. Default: none; a shell
	// ends where responses differ.
	StopAt []string `json:"stop_at,omitempty"`

	// A template with placeholders that replaces the path in the key under
	// which a page is learned, so that many URLs share one opening. Host,
	// scheme and network scope stay part of the key. Default: every path is a
	// page of its own.
	Key string `json:"key,omitempty"`

	// How many responses in a row must agree before anything is sent early.
	// From 2 to 16. Default: 3.
	LearnAfter int `json:"learn_after,omitempty"`

	// Also learn from responses marked `Cache-Control: private`. Rails and
	// Laravel mark every page so. Default: false.
	LearnPrivate bool `json:"learn_private,omitempty"`

	// Also send scripts with the async attribute early, where they stand. Such a
	// script may run as soon as it is there, and one that counts on
	// `document.body` works behind a slow page and fails behind an early head.
	// Default: false; they are named in a Link header for the browser to fetch, and
	// sent when the backend answers.
	EarlyAsync bool `json:"early_async,omitempty"`

	// Query parameters that do not keep a page from being sent early; a
	// trailing `*` matches any ending (`utm_*`). Requests with such parameters
	// teach nothing. Default: none.
	IgnoreQuery []string `json:"ignore_query,omitempty"`

	// Names of response headers that may differ from one response to the next
	// without consequence, in addition to the built-in list (request ids,
	// timings, cache status). Default: none.
	IgnoreHeader []string `json:"ignore_header,omitempty"`

	// Names of request headers that a CDN in front adds to each request, such as
	// `Cf-Ray`, `Cf-Connecting-Ip`, `Cf-Visitor` or `X-Amz-Cf-Id`. A request with a
	// header that browsers don't send is otherwise neither sent early nor learned
	// from. With this option the operator vouches that the CDN sets the header on
	// each request or takes it off, so that no visitor can choose its value, and that
	// the value does not shape the page, or that the page's Vary names it. The
	// headers are believed only from Caddy's `trusted_proxies`, once, with at most
	// 512 bytes and none of "'<>&\`{}$%| (Cf-Visitor: the two texts that Cloudflare
	// sends). Names that say who the visitor is, or ask for another page, are
	// refused. Default: none.
	TrustHeader []string `json:"trust_header,omitempty"`

	// Names of the cookies that a session has; a trailing `*` matches any ending
	// (`wordpress_logged_in_*`). Only visitors with one of them count as `returning`
	// then, which has to earn early responses apart from `anonymous`; those whose
	// cookies are all others (consent, statistics) count as `anonymous`. Names are
	// compared as they are sent; a Cookie header that does not keep to RFC 6265
	// section 4.2.1 counts as a session. Requests with any cookie teach nothing,
	// whatever this says. Default: every cookie is a session's.
	SessionCookie []string `json:"session_cookie,omitempty"`

	// How far responses to listed crawlers are committed: `off` (never; such
	// requests may still teach), `head` or `shell`. They run no script that could
	// correct a page, so a surprise ends their response in an abort, and they get a
	// shell only of pages of whose head nothing comes late. Default: `head`.
	Crawlers string `json:"crawlers,omitempty"`

	// Pages whose backend usually sends its header faster than this are not
	// committed early, for there is nothing to gain. 0 commits always.
	// Default: 30ms.
	MinWait *caddy.Duration `json:"min_wait,omitempty"`

	// The most bytes of a page that are learned and sent early. From 1024
	// (1 KiB) to 1048576 (1 MiB). Default: 65536 (64 KiB).
	MaxOpening int `json:"max_opening,omitempty"`

	// How long after the last agreeing answer an opening is still used. From
	// 1s to 24h. Default: 10m.
	Expire caddy.Duration `json:"expire,omitempty"`

	// When a 103 response (Early Hints, RFC 8297) is sent to browsers, ahead of what is
	// sent early and of pages that cannot be: `auto` (on HTTP/2 and HTTP/3), `on` (on
	// HTTP/1.1, too, where some intermediaries take it for the final response) or `off`.
	// Default: `auto`.
	EarlyHints string `json:"early_hints,omitempty"`

	// What is named in 103 responses and in the Link header of early ones. Default: the
	// first 8 of what the page asks for.
	Hints *Hints `json:"hints,omitempty"`

	// Written by Provision, not changed afterwards.
	logger    *zap.Logger
	maxMemory uint64 // bytes
	state     *state
	rules     opening.Rules
	declared  []hints.Link // of Hints.Add
	request   request.Options
	now       func() time.Time
	linger    time.Duration

	identityOnce sync.Once
	identity     string              // written once by identityIn
	around       caddyhttp.RouteList // written once by identityIn

	unhintedOnce sync.Once

	siteOnce sync.Once
	site     *site // written once by siteIn

	// barred is set to the reason why this handler must not commit any more, once
	// it has found out.
	barred atomic.Pointer[string]
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.headstart",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision sets the defaults and gets the shared state.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	h.now = clock
	h.linger = maxLinger
	if h.Flush == "" {
		h.Flush = FlushShell
	}
	if h.Crawlers == "" {
		h.Crawlers = CrawlersHead
	}
	if h.LearnAfter == 0 {
		h.LearnAfter = DefaultLearnAfter
	}
	if h.MinWait == nil {
		d := caddy.Duration(DefaultMinWait)
		h.MinWait = &d
	}
	if h.MaxOpening == 0 {
		h.MaxOpening = DefaultMaxOpening
	}
	if h.Expire == 0 {
		h.Expire = caddy.Duration(DefaultExpire)
	}
	h.provisionHints()
	h.declared = h.Hints.declared()
	h.request = request.Options{IgnoreQuery: h.IgnoreQuery, SessionCookie: h.SessionCookie}
	for _, name := range h.TrustHeader {
		h.request.TrustHeader = append(h.request.TrustHeader, http.CanonicalHeaderKey(name))
	}
	h.rules = opening.Rules{
		LearnAfter: h.LearnAfter,
		SharedKey:  h.Key != "",
		Expire:     time.Duration(h.Expire),
		MinWait:    time.Duration(*h.MinWait),
		EarlyAsync: h.EarlyAsync,
		Ignored:    make(opening.Ignored),

		Shell:        h.Flush == FlushShell,
		CrawlerShell: h.Crawlers == CrawlersShell,

		NoHints: h.Hints.Off,
	}
	for _, name := range h.IgnoreHeader {
		h.rules.Ignored[http.CanonicalHeaderKey(name)] = true
	}
	if registry := ctx.GetMetricsRegistry(); registry != nil {
		if err := registerMetrics(registry); err != nil {
			return err
		}
	}
	maxMemory, err := maxMemoryIn(ctx)
	if err != nil {
		return err
	}
	state, err := loadState()
	if err != nil {
		return err
	}
	h.state, h.maxMemory = state, maxMemory
	limits.join(h)
	return nil
}

// Cleanup gives up the shared state. Caddy calls it on a handler that was only
// half provisioned, too. Requests that are still under way keep using the state.
func (h *Handler) Cleanup() error {
	if h.state == nil {
		return nil
	}
	limits.leave(h)
	return releaseState()
}

// Validate checks the options.
func (h *Handler) Validate() error {
	switch h.Flush {
	case FlushHints, FlushHead, FlushShell:
	default:
		return fmt.Errorf("flush: %q is not a level; use hints, head or shell", h.Flush)
	}
	if err := CheckKey(h.Key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if h.LearnAfter < MinLearnAfter || h.LearnAfter > MaxLearnAfter {
		return fmt.Errorf("learn_after: %d is out of range; use %d to %d", h.LearnAfter, MinLearnAfter, MaxLearnAfter)
	}
	for _, place := range h.StopAt {
		if err := CheckStop(place); err != nil {
			return fmt.Errorf("stop_at: %w", err)
		}
	}
	for _, name := range h.IgnoreQuery {
		if err := CheckParameter(name); err != nil {
			return fmt.Errorf("ignore_query: %w", err)
		}
	}
	for _, name := range h.IgnoreHeader {
		if err := CheckIgnorable(name); err != nil {
			return fmt.Errorf("ignore_header: %w", err)
		}
	}
	for _, name := range h.TrustHeader {
		if err := CheckTrusted(name); err != nil {
			return fmt.Errorf("trust_header: %w", err)
		}
	}
	for _, name := range h.SessionCookie {
		if err := CheckCookie(name); err != nil {
			return fmt.Errorf("session_cookie: %w", err)
		}
	}
	switch h.Crawlers {
	case CrawlersOff, CrawlersHead, CrawlersShell:
	default:
		return fmt.Errorf("crawlers: %q is not known; use off, head or shell", h.Crawlers)
	}
	if err := h.validateHints(); err != nil {
		return err
	}
	if *h.MinWait < 0 {
		return fmt.Errorf("min_wait: %s is negative; use 0 or more", time.Duration(*h.MinWait))
	}
	if h.MaxOpening < MinMaxOpening || h.MaxOpening > MaxMaxOpening {
		return fmt.Errorf("max_opening: %d bytes is out of range; use 1KiB to 1MiB", h.MaxOpening)
	}
	if d := time.Duration(h.Expire); d < MinExpire || d > MaxExpire {
		return fmt.Errorf("expire: %s is out of range; use 1s to 24h", d)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
