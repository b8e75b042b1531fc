package module

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"
)

// stateConfig is a config with one handler for each of some options in JSON.
func stateConfig(options ...string) []byte {
	var handlers []string
	for _, o := range options {
		handlers = append(handlers, strings.TrimSuffix(`{"handler": "headstart", `+o, ", ")+"}")
	}
	return fmt.Appendf(nil, `{
		"admin": {"disabled": true, "config": {"persist": false}},
		"logging": {"logs": {"default": {"writer": {"output": "discard"}}}},
		"apps": {"http": {"servers": {"s": {
			"listen": ["127.0.0.1:0"],
			"automatic_https": {"disable": true},
			"routes": [{"handle": [%s]}]
		}}}}
	}`, strings.Join(handlers, ", "))
}

func validate(t *testing.T, config []byte) error {
	t.Helper()
	cfg := new(caddy.Config)
	if err := caddy.StrictUnmarshalJSON(config, cfg); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(cfg)
}

// wantUsers checks how many handlers use the state, and that it is gone when
// nobody does.
func wantUsers(t *testing.T, after string, want int) {
	t.Helper()
	n, exists := pool.References(poolKey)
	if n != want || exists != (want > 0) || (collected.Load() != nil) != exists {
		t.Errorf("after %s, %d handlers use the state, want %d", after, n, want)
	}
}

// The shared state lives as long as handlers use it.
func TestStateIsCounted(t *testing.T) {
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	wantUsers(t, "the tests before", 0)
	load := func(options ...string) error { return caddy.Load(stateConfig(options...), true) }
	if err := load("", ""); err != nil {
		t.Fatal(err)
	}
	wantUsers(t, "the first config", 2)
	first := collected.Load()

	if err := load("", "", ""); err != nil {
		t.Fatal(err)
	}
	wantUsers(t, "a reload", 3)
	if err := load("", `"learn_after": 99`); err == nil {
		t.Error("a bad option was loaded")
	}
	wantUsers(t, "a config that is refused", 3)
	if err := validate(t, stateConfig("", "")); err != nil {
		t.Error(err)
	}
	wantUsers(t, "validating another", 3)
	if collected.Load() != first {
		t.Error("the state is another")
	}

	if err := load(); err != nil {
		t.Fatal(err)
	}
	wantUsers(t, "a config without handlers", 0)
	if err := load(""); err != nil {
		t.Fatal(err)
	}
	wantUsers(t, "their return", 1)
	if collected.Load() == first {
		t.Error("the state that was given up is back")
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	wantUsers(t, "the end", 0)
}

// A config that is only validated leaves nothing, and no goroutine runs on,
// whether it is good or not.
func TestValidateLeavesNothing(t *testing.T) {
	if err := validate(t, stateConfig("")); err != nil { // what Caddy starts once and for all
		t.Fatal(err)
	}
	running := goleak.IgnoreCurrent()
	bad := map[string]string{ // options, and what their error must tell
		`"flush": "body"`:                `flush: "body" is not a level`,
		`"key": "{path"`:                 "key: unbalanced braces",
		`"learn_after": 1`:               "learn_after: 1 is out of range; use 2 to 16",
		`"learn_after": 99`:              "learn_after: 99 is out of range; use 2 to 16",
		`"ignore_query": ["*"]`:          `ignore_query: "*" is not a parameter name`,
		`"ignore_header": ["Location"]`:  "ignore_header: Location cannot be ignored",
		`"ignore_header": ["a b"]`:       `ignore_header: "a b" is not a header name`,
		`"min_wait": -1`:                 "min_wait: -1ns is negative",
		`"max_opening": 10`:              "max_opening: 10 bytes is out of range",
		`"max_opening": 9999999`:         "max_opening: 9999999 bytes is out of range",
		`"expire": 1`:                    "expire: 1ns is out of range",
		`"expire": "25h"`:                "expire: 25h0m0s is out of range",
		`"no_such_option": true`:         `unknown field "no_such_option"`,
		`"learn_after": 3, "flush": 123`: "flush",
	}
	for option, want := range bad {
		if err := validate(t, stateConfig("", option, "")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", option, err, want)
		}
		wantUsers(t, "refusing "+option, 0)
	}
	if err := validate(t, stateConfig("", `"min_wait": 0, "expire": "1s", "learn_after": 16`)); err != nil {
		t.Error(err)
	}
	wantUsers(t, "validating", 0)
	if err := goleak.Find(running); err != nil {
		t.Error(err)
	}
}

// An empty handler has the documented defaults.
func TestDefaults(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	h := new(Handler)
	if err := h.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.Validate(); err != nil {
		t.Error(err)
	}
	if h.Flush != "shell" || h.Key != "" || h.LearnAfter != 3 || h.LearnPrivate || h.EarlyAsync || time.Duration(*h.MinWait) != 30*time.Millisecond ||
		h.MaxOpening != 64<<10 || time.Duration(h.Expire) != 10*time.Minute {
		t.Errorf("defaults are %+v", h)
	}
	wantUsers(t, "provisioning", 1)
	if err := h.Cleanup(); err != nil {
		t.Error(err)
	}
	wantUsers(t, "cleaning up", 0)
	if err := new(Handler).Cleanup(); err != nil {
		t.Errorf("cleaning up what was not set up: %v", err)
	}
}
