package module

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/net/http/httpguts"

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

// Handler answers a page request at once with the part of the page that it has
// learned, the opening, and streams the rest from the handlers behind it (most
// often reverse_proxy) as it comes. It learns by watching responses to requests
// that carry nothing personal. The backend needs no change.
//
// It sets these placeholders:
//
// Placeholder | Description
// ------------|------------
// `{http.headstart.level}` | How far the response was committed before the backend answered: `none` or `head`
// `{http.headstart.reason}` | Why it was not committed, a short fixed word; empty after a commit
// `{http.headstart.audience}` | `anonymous` (no cookies), `returning` (cookies) or `crawler`; empty if the request is no page navigation
// `{http.headstart.outcome}` | How a committed response ended: `exact`, `merged`, `repaired`, `reloaded`, `redirected`, `failed`, `aborted` or `canceled`
// `{http.headstart.backend_status}` | The status that the backend gave, which a committed response does not show
// `{http.headstart.early_ms}` | Milliseconds from the start of the request until the opening was sent
// `{http.headstart.backend_header_ms}` | Milliseconds until the backend's header
// `{http.headstart.backend_body_ms}` | Milliseconds until the backend's first body byte
// `{http.headstart.saved_ms}` | Milliseconds by which the first byte came earlier than the backend's header
//
// The level, reason and audience are there before the response is written, so a
// deferred `header` (`header >Name …`, or with `defer`) can use them; the others
// when the handler returns. `log_append` sees all of them, but for responses that
// end in an abort, where it adds nothing; the access log field `headstart` is
// there for those too.
type Handler struct {
	// The highest level that a response may be committed to before the backend
	// answers: `hints`, `head` or `shell`. The level used is the highest that
	// the page has earned. Default: `shell`. Until that level is available,
	// `shell` means `head`, and `hints` commits nothing.
	Flush string `json:"flush,omitempty"`

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

	// Written by Provision, not changed afterwards.
	logger      *zap.Logger
	state       *state
	rules       opening.Rules
	ignoreQuery request.Parameters
	now         func() time.Time
	linger      time.Duration

	identityOnce sync.Once
	identity     string              // written once by identityIn
	around       caddyhttp.RouteList // written once by identityIn

	// barred is set to the reason why this handler must not commit any more, once
	// it has found out.
	barred atomic.Pointer[string]

	// paused is set while the backend is down, and keeps responses from being
	// committed.
	paused atomic.Bool
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
	h.ignoreQuery = h.IgnoreQuery
	h.rules = opening.Rules{
		LearnAfter: h.LearnAfter,
		SharedKey:  h.Key != "",
		Expire:     time.Duration(h.Expire),
		MinWait:    time.Duration(*h.MinWait),
		EarlyAsync: h.EarlyAsync,
		Ignored:    make(opening.Ignored),
	}
	for _, name := range h.IgnoreHeader {
		h.rules.Ignored[http.CanonicalHeaderKey(name)] = true
	}
	if registry := ctx.GetMetricsRegistry(); registry != nil {
		if err := registerMetrics(registry); err != nil {
			return err
		}
	}
	state, err := loadState()
	if err != nil {
		return err
	}
	h.state = state
	return nil
}

// Cleanup gives up the shared state. Caddy calls it on a handler that was only
// half provisioned, too. Requests that are still under way keep using the state.
func (h *Handler) Cleanup() error {
	if h.state == nil {
		return nil
	}
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

// CheckKey checks a template for the option key: every { has its }.
func CheckKey(template string) error {
	depth := 0
	for _, c := range template {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 {
			return fmt.Errorf("a } before its { in %q", template)
		}
	}
	if depth != 0 {
		return fmt.Errorf("unbalanced braces in %q", template)
	}
	return nil
}

// CheckParameter checks one name of the option ignore_query.
func CheckParameter(name string) error {
	stem := strings.TrimSuffix(name, "*")
	if stem == "" || strings.ContainsAny(stem, "*?&=;#% \t") {
		return fmt.Errorf("%q is not a parameter name; use a plain name, or the start of one followed by *", name)
	}
	return nil
}

// notIgnorable are the response headers whose differences have a rule of their
// own, so that ignoring them could leave a wrong page standing.
var notIgnorable = map[string]bool{
	"Cache-Control":                       true,
	"Clear-Site-Data":                     true,
	"Content-Disposition":                 true,
	"Content-Encoding":                    true,
	"Content-Security-Policy":             true,
	"Content-Security-Policy-Report-Only": true,
	"Content-Type":                        true,
	"Location":                            true,
	"Refresh":                             true,
	"Set-Cookie":                          true,
	"Trailer":                             true,
	"Vary":                                true,
}

// CheckIgnorable checks one name of the option ignore_header.
func CheckIgnorable(name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("%q is not a header name", name)
	}
	if notIgnorable[http.CanonicalHeaderKey(name)] {
		return fmt.Errorf("%s cannot be ignored: it decides how a page may be shown or stored", http.CanonicalHeaderKey(name))
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
