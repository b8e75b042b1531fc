package module

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// appConfig is stateConfig with max_memory, in bytes as JSON; "" leaves it out.
func appConfig(maxMemory string, options ...string) []byte {
	if maxMemory == "" {
		return stateConfig(options...)
	}
	app := fmt.Appendf(nil, `"apps": {"headstart": {"max_memory": %s}, `, maxMemory)
	return bytes.Replace(stateConfig(options...), []byte(`"apps": {`), app, 1)
}

// fill puts pages of 4 MiB in all into the store.
func fill() {
	headers := opening.LearnHeaders(nil, http.Header{"Content-Type": {"text/html; charset=utf-8"}})
	for i := range 64 {
		page := new(opening.Page)
		body := fmt.Sprint("<title>", i, strings.Repeat("t", 64<<10), "</title></head>")
		o, _, _ := opening.Observe(headers, []byte(body), true, opening.Scope{})
		page.Answered(opening.Visit{Header: http.Header{}, Learn: true}, opening.Answer{Observation: o, Depth: -1}, opening.Rules{LearnAfter: 3}, time.Now())
		collected.Load().store.Put(request.Key{byte(i)}, page)
	}
}

// max_memory bounds what is held from the moment when a config has replaced the one
// before, and not for one that is refused or only validated.
func TestMaxMemory(t *testing.T) {
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	load := func(maxMemory string, options ...string) {
		t.Helper()
		if err := caddy.Load(appConfig(maxMemory, options...), true); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(when string, least, most uint64) {
		t.Helper()
		if n := collected.Load().store.Bytes(); n < least || n > most {
			t.Errorf("%s: %d bytes are held, want %d to %d", when, n, least, most)
		}
	}
	const mib = 1 << 20
	load("", "", "")
	fill()
	holds("by default", 4*mib, 5*mib)

	if err := caddy.Load(appConfig("1048576", "", `"learn_after": 99`), true); err == nil {
		t.Error("a bad config was loaded")
	}
	holds("after a config that was refused", 4*mib, 5*mib)
	if err := validate(t, appConfig("1048576", "")); err != nil {
		t.Error(err)
	}
	holds("after a config that was validated", 4*mib, 5*mib)

	load("1048576", "")
	holds("after a reload with 1 MiB", mib/2, mib+mib/4)
	fill()
	holds("with 1 MiB", mib/2, mib+mib/4)

	load("2097152", "", "", "")
	fill()
	holds("with 2 MiB", mib+mib/4, 2*mib+mib/4)

	load("", "")
	fill()
	holds("after a reload without the option", 4*mib, 5*mib)

	load("1048576", "")
	load("1048576") // no handlers: what was learned goes
	load("", "")
	fill()
	holds("after a config without handlers", 4*mib, 5*mib)
	if len(limits.users) != 1 {
		t.Errorf("%d handlers have a limit", len(limits.users))
	}
}

// A bad limit is refused at load, with the option and what is allowed, whether
// handlers use it or not.
func TestMaxMemoryIsChecked(t *testing.T) {
	for value, want := range map[string]string{
		"1048575":     "max_memory: 1048575 bytes is out of range; use 1MiB to 64GiB",
		"68719476737": "max_memory: 68719476737 bytes is out of range; use 1MiB to 64GiB",
		"-1":          "max_memory: -1 bytes is out of range; use 1MiB to 64GiB",
		`"64MiB"`:     "max_memory",
		`1, "a": 1`:   `unknown field "a"`,
	} {
		for _, options := range [][]string{nil, {""}, {"", ""}} {
			if err := validate(t, appConfig(value, options...)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %d handlers: %v, want %q", value, len(options), err, want)
			}
			wantUsers(t, "refusing max_memory "+value, 0)
		}
	}
	for _, value := range []string{"0", "1048576", "68719476736"} {
		if err := validate(t, appConfig(value, "")); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
	if len(limits.users) != 0 {
		t.Errorf("%d handlers still have a limit", len(limits.users))
	}
}
