package module_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/module"
)

// TestOptionsAreCheckedAtLoad gives options as JSON, where no Caddyfile parser
// has looked at them before.
func TestOptionsAreCheckedAtLoad(t *testing.T) {
	tests := []struct {
		name    string
		options string
		want    string // a part of the error; "" if the options are good
	}{
		{"none", ``, ""},
		{"all", `"flush": "hints", "key": "{http.request.host}{http.request.uri.path.0}", "learn_after": 16,
			"trust_header": ["cf-ray", "Cf-Visitor"], "session_cookie": ["sessionid", "wordpress_logged_in_*"], "crawlers": "shell",
			"learn_private": true, "ignore_query": ["utm_*", "fbclid"], "ignore_header": ["x-build"],
			"min_wait": 0, "max_opening": 1048576, "expire": "24h"`, ""},
		{"lowest", `"learn_after": 2, "min_wait": "0s", "max_opening": 1024, "expire": "1s"`, ""},

		{"unknown option", `"buffer": true`, `unknown field "buffer"`},
		{"misspelt option", `"learn-after": 3`, `unknown field "learn-after"`},
		{"other type", `"learn_after": "3"`, `cannot unmarshal string into Go struct field Handler.learn_after of type int`},

		{"unknown level", `"flush": "body"`, `flush: "body" is not a level; use hints, head or shell`},
		{"level in upper case", `"flush": "HEAD"`, `flush: "HEAD" is not a level; use hints, head or shell`},
		{"unbalanced key", `"key": "/{http.request.host"`, `key: unbalanced braces in "/{http.request.host"`},

		{"learn_after too low", `"learn_after": 1`, `learn_after: 1 is out of range; use 2 to 16`},
		{"learn_after too high", `"learn_after": 17`, `learn_after: 17 is out of range; use 2 to 16`},
		{"learn_after negative", `"learn_after": -1`, `learn_after: -1 is out of range; use 2 to 16`},

		{"empty parameter", `"ignore_query": [""]`, `ignore_query: "" is not a parameter name`},
		{"any parameter", `"ignore_query": ["*"]`, `ignore_query: "*" is not a parameter name`},
		{"star inside a parameter", `"ignore_query": ["a", "u*m"]`, `ignore_query: "u*m" is not a parameter name`},
		{"parameter with a value", `"ignore_query": ["a=b"]`, `ignore_query: "a=b" is not a parameter name`},

		{"no header name", `"ignore_header": ["X A"]`, `ignore_header: "X A" is not a header name`},
		{"header that must not be ignored", `"ignore_header": ["set-cookie"]`, `ignore_header: Set-Cookie cannot be ignored`},

		{"no trusted header name", `"trust_header": ["Cf Ray"]`, `trust_header: "Cf Ray" is not a header name`},
		{"trusted headers by their start", `"trust_header": ["cf-*"]`, `trust_header: Cf-* cannot be trusted: it must be the full name`},
		{"header that must not be trusted", `"trust_header": ["Cf-Ray", "authorization"]`, `trust_header: Authorization cannot be trusted: it holds credentials`},
		{"no cookie name", `"session_cookie": ["a b"]`, `session_cookie: "a b" is not a cookie name`},
		{"any cookie", `"session_cookie": ["*"]`, `session_cookie: "*" is not a cookie name`},
		{"star inside a cookie name", `"session_cookie": ["a*b"]`, `session_cookie: "a*b" is not a cookie name`},
		{"unknown level of crawlers", `"crawlers": "on"`, `crawlers: "on" is not known; use off, head or shell`},

		{"min_wait negative", `"min_wait": "-1ms"`, `min_wait: -1ms is negative; use 0 or more`},
		{"min_wait that is no duration", `"min_wait": "soon"`, `invalid duration "soon"`},

		{"max_opening too low", `"max_opening": 1023`, `max_opening: 1023 bytes is out of range; use 1KiB to 1MiB`},
		{"max_opening too high", `"max_opening": 1048577`, `max_opening: 1048577 bytes is out of range; use 1KiB to 1MiB`},
		{"max_opening negative", `"max_opening": -1`, `max_opening: -1 bytes is out of range; use 1KiB to 1MiB`},

		{"expire too low", `"expire": "999ms"`, `expire: 999ms is out of range; use 1s to 24h`},
		{"expire too high", `"expire": "25h"`, `expire: 25h0m0s is out of range; use 1s to 24h`},
		{"expire negative", `"expire": -1`, `expire: -1ns is out of range; use 1s to 24h`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := loadHandler(t, tt.options)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("not accepted: %v", err)
			case tt.want != "" && err == nil:
				t.Errorf("accepted, want the error %q", tt.want)
			case tt.want != "" && !strings.Contains(err.Error(), tt.want):
				t.Errorf("error %q, want %q in it", err, tt.want)
			}
		})
	}
}

// TestHeadersThatMustNotBeIgnored goes through the whole list.
func TestHeadersThatMustNotBeIgnored(t *testing.T) {
	for _, name := range []string{
		"Cache-Control", "Clear-Site-Data", "Content-Disposition", "Content-Encoding", "Content-Security-Policy",
		"Content-Security-Policy-Report-Only", "Content-Type", "Location", "Refresh", "Set-Cookie", "Trailer", "Vary",
	} {
		for _, spelling := range []string{name, strings.ToLower(name)} {
			err := loadHandler(t, `"ignore_header": ["X-Good", "`+spelling+`"]`)
			if err == nil || !strings.Contains(err.Error(), name+" cannot be ignored") {
				t.Errorf("%s: %v", spelling, err)
			}
		}
	}
}

// TestDefaultsOfOptions checks what the documentation of the options says.
func TestDefaultsOfOptions(t *testing.T) {
	h := provision(t, new(module.Handler))
	switch {
	case h.Flush != "shell":
		t.Errorf("flush is %q", h.Flush)
	case h.Key != "" || h.LearnPrivate || h.EarlyAsync || h.IgnoreQuery != nil || h.IgnoreHeader != nil:
		t.Errorf("not empty: %+v", h)
	case h.TrustHeader != nil || h.SessionCookie != nil:
		t.Errorf("not empty: %+v", h)
	case h.Crawlers != "head":
		t.Errorf("crawlers is %q", h.Crawlers)
	case h.LearnAfter != 3:
		t.Errorf("learn_after is %d", h.LearnAfter)
	case time.Duration(*h.MinWait) != 30*time.Millisecond:
		t.Errorf("min_wait is %s", time.Duration(*h.MinWait))
	case h.MaxOpening != 65536:
		t.Errorf("max_opening is %d", h.MaxOpening)
	case time.Duration(h.Expire) != 10*time.Minute:
		t.Errorf("expire is %s", time.Duration(h.Expire))
	}
}

// TestZeroMinWaitIsNotTheDefault: 0 has a meaning of its own.
func TestZeroMinWaitIsNotTheDefault(t *testing.T) {
	h := provision(t, &module.Handler{MinWait: new(caddy.Duration)})
	if *h.MinWait != 0 {
		t.Errorf("min_wait is %s", time.Duration(*h.MinWait))
	}
}

// provision sets a handler up as Caddy does.
func provision(t *testing.T, h *module.Handler) *module.Handler {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := h.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	if err := h.Validate(); err != nil {
		t.Error(err)
	}
	return h
}

// loadHandler loads a handler with these options, as JSON, in the way that Caddy
// loads the modules of a configuration.
func loadHandler(t *testing.T, options string) error {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel() // cleans the handler up
	_, err := ctx.LoadModuleByID("http.handlers.headstart", json.RawMessage("{"+options+"}"))
	return err
}
