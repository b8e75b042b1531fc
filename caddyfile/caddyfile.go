package caddyfile

import (
	"math"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"

	"github.com/headstart-proxy/headstart/module"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("headstart", parse)
	// Before reverse_proxy means after encode, authentication, respond, abort
	// and error. Right after encode, a page taught by an allowed network was
	// served to an outsider ahead of `respond 403`.
	httpcaddyfile.RegisterDirectiveOrder("headstart", httpcaddyfile.Before, "reverse_proxy")
}

// parse sets up the handler from Caddyfile tokens. Syntax:
//
//	headstart [<matcher>] {
//	    flush          hints|head|shell
//	    stop_at        <element|#id...>
//	    key            <template>
//	    learn_after    <count>
//	    learn_private
//	    early_async
//	    ignore_query   <parameter...>
//	    ignore_header  <name...>
//	    trust_header   <name...>
//	    session_cookie <name...>
//	    crawlers       off|head|shell
//	    early_hints    auto|on|off
//	    hints          off | {
//	        max <count>
//	        add <link value...>
//	        off
//	    }
//	    min_wait       <duration>
//	    max_opening    <size>
//	    expire         <duration>
//	}
//
// Every option may be given once, but for add.
func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(module.Handler)
	h.Next() // consume the directive name
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	seen := make(map[string]bool)
	for h.NextBlock(0) {
		option := h.Val()
		if seen[option] {
			return nil, h.Errf("headstart: %s is given twice", option)
		}
		seen[option] = true
		if err := parseOption(h, handler, option); err != nil {
			return nil, err
		}
		if nesting := h.Nesting(); h.NextBlock(nesting) {
			return nil, h.Errf("headstart: %s takes no block", option)
		}
	}
	return handler, nil
}

// parseOption reads the arguments of one option into handler.
func parseOption(h httpcaddyfile.Helper, handler *module.Handler, option string) error {
	args := h.RemainingArgs()
	switch option {
	case "flush":
		levels := []string{module.FlushHints, module.FlushHead, module.FlushShell}
		if len(args) != 1 || !slices.Contains(levels, args[0]) {
			return h.Errf("headstart: flush takes one level: hints, head or shell; got %q", args)
		}
		handler.Flush = args[0]

	case "stop_at":
		if len(args) == 0 {
			return h.Errf("headstart: stop_at takes one or more names of elements, or ids with a # in front, which need quotes: \"#prices\"")
		}
		for _, place := range args {
			if err := module.CheckStop(place); err != nil {
				return h.Errf("headstart: stop_at: %v", err)
			}
		}
		handler.StopAt = args

	case "key":
		if len(args) != 1 || args[0] == "" {
			return h.Errf("headstart: key takes one template, in quotes if it has spaces; got %q", args)
		}
		if err := module.CheckKey(args[0]); err != nil {
			return h.Errf("headstart: key: %v", err)
		}
		handler.Key = args[0]

	case "learn_after":
		n, err := strconv.Atoi(single(args))
		if err != nil || n < module.MinLearnAfter || n > module.MaxLearnAfter {
			return h.Errf("headstart: learn_after takes one number from %d to %d; got %q",
				module.MinLearnAfter, module.MaxLearnAfter, args)
		}
		handler.LearnAfter = n

	case "learn_private":
		if len(args) != 0 {
			return h.Errf("headstart: learn_private takes no argument; got %q", args)
		}
		handler.LearnPrivate = true

	case "early_async":
		if len(args) != 0 {
			return h.Errf("headstart: early_async takes no argument; got %q", args)
		}
		handler.EarlyAsync = true

	case "ignore_query":
		if len(args) == 0 {
			return h.Errf("headstart: ignore_query takes one or more parameter names")
		}
		for _, name := range args {
			if err := module.CheckParameter(name); err != nil {
				return h.Errf("headstart: ignore_query: %v", err)
			}
		}
		handler.IgnoreQuery = args

	case "ignore_header":
		if len(args) == 0 {
			return h.Errf("headstart: ignore_header takes one or more header names")
		}
		for _, name := range args {
			if err := module.CheckIgnorable(name); err != nil {
				return h.Errf("headstart: ignore_header: %v", err)
			}
		}
		handler.IgnoreHeader = args

	case "trust_header":
		if len(args) == 0 {
			return h.Errf("headstart: trust_header takes one or more header names")
		}
		for _, name := range args {
			if err := module.CheckTrusted(name); err != nil {
				return h.Errf("headstart: trust_header: %v", err)
			}
		}
		handler.TrustHeader = args

	case "session_cookie":
		if len(args) == 0 {
			return h.Errf("headstart: session_cookie takes one or more cookie names")
		}
		for _, name := range args {
			if err := module.CheckCookie(name); err != nil {
				return h.Errf("headstart: session_cookie: %v", err)
			}
		}
		handler.SessionCookie = args

	case "crawlers":
		levels := []string{module.CrawlersOff, module.CrawlersHead, module.CrawlersShell}
		if len(args) != 1 || !slices.Contains(levels, args[0]) {
			return h.Errf("headstart: crawlers takes one level: off, head or shell; got %q", args)
		}
		handler.Crawlers = args[0]

	case "early_hints":
		values := []string{module.EarlyHintsAuto, module.EarlyHintsOn, module.EarlyHintsOff}
		if len(args) != 1 || !slices.Contains(values, args[0]) {
			return h.Errf("headstart: early_hints takes one of auto, on and off; got %q", args)
		}
		handler.EarlyHints = args[0]

	case "hints":
		return parseHints(h, handler, args)

	case "min_wait":
		d, err := caddy.ParseDuration(single(args))
		if err != nil || d < 0 {
			return h.Errf("headstart: min_wait takes one duration, 0 or more, such as 30ms; got %q", args)
		}
		wait := caddy.Duration(d)
		handler.MinWait = &wait

	case "max_opening":
		n, err := humanize.ParseBytes(single(args))
		if err != nil || n > math.MaxInt32 || n < module.MinMaxOpening || n > module.MaxMaxOpening {
			return h.Errf("headstart: max_opening takes one size from 1KiB to 1MiB, such as 64KiB; got %q", args)
		}
		handler.MaxOpening = int(n)

	case "expire":
		d, err := caddy.ParseDuration(single(args))
		if err != nil || d < module.MinExpire || d > module.MaxExpire {
			return h.Errf("headstart: expire takes one duration from 1s to 24h, such as 10m; got %q", args)
		}
		handler.Expire = caddy.Duration(d)

	default:
		return h.Errf("headstart: unknown option %q; known are flush, stop_at, key, learn_after, learn_private, "+
			"early_async, ignore_query, ignore_header, trust_header, session_cookie, crawlers, early_hints, hints, min_wait, max_opening and expire", option)
	}
	return nil
}

// single returns the only argument, or "" (which no option accepts) if there
// is not exactly one.
func single(args []string) string {
	if len(args) != 1 {
		return ""
	}
	return args[0]
}
