package module_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"go.uber.org/goleak"
)

// TestBadConfigChangesNothing checks that a configuration that is refused, or
// only validated, leaves those that run as they are.
func TestBadConfigChangesNothing(t *testing.T) {
	origin := startOrigin(t)
	site := reloadSite("site", "", "reverse_proxy "+origin.Addr())
	l := startLesson(t, origin, site)
	v := newVisitor(t, "h1")
	l.teach(t, v, "site", "/")

	// The second site is refused when the first has been set up.
	err := l.load(t, site+reloadSite("other", "", "reverse_proxy {\nlb_policy nonsense\n}"))
	if err == nil {
		t.Error("a bad configuration was loaded")
	}
	l.early(t, v, "site", "/")

	for _, text := range []string{site, site + reloadSite("other", "", "respond other")} {
		if err := caddy.Validate(reloadConfig(t, l.caddyServer, text)); err != nil {
			t.Error(err)
		}
		l.early(t, v, "site", "/")
	}
	bad := bytes.Replace(reloadAdapt(t, l.caddyServer, site), []byte(`"min_wait":0`), []byte(`"learn_after":99`), 1)
	if err := caddy.Load(bad, true); err == nil || !strings.Contains(err.Error(), "learn_after: 99 is out of range") {
		t.Errorf("loading a bad option: %v", err)
	}
	l.early(t, v, "site", "/")
}

// TestAdaptAndValidateLeaveNothing checks that `caddy adapt` and `caddy validate`
// start nothing that goes on after them.
func TestAdaptAndValidateLeaveNothing(t *testing.T) {
	c := &caddyServer{logs: newLogBook(t), dir: storageDir(t), ports: make(map[string]string)}
	site := reloadSite("site", "", "respond ok")
	reloadAdapt(t, c, site) // what Caddy starts once and for all
	if err := caddy.Validate(reloadConfig(t, c, site)); err != nil {
		t.Fatal(err)
	}

	before := goleak.IgnoreCurrent()
	for range 3 {
		if err := caddy.Validate(reloadConfig(t, c, site)); err != nil {
			t.Fatal(err)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", c.addr(t, "site")); err == nil {
		conn.Close()
		t.Error("the site was started")
	}
}

// validateGlobals begins a Caddyfile that is never run.
const validateGlobals = `{
	admin off
	persist_config off
	storage file_system %q
	storage_check off
	storage_clean_interval off
	local_certs
	skip_install_trust
	default_bind 127.0.0.1
	log {
		output discard
	}
}
`

// reloadAdapt does what `caddy adapt` does.
func reloadAdapt(t *testing.T, c *caddyServer, text string) []byte {
	t.Helper()
	text = c.expand(t, fmt.Sprintf(validateGlobals, c.dir)+text)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// reloadConfig gives what caddy.Validate takes.
func reloadConfig(t *testing.T, c *caddyServer, text string) *caddy.Config {
	t.Helper()
	config := new(caddy.Config)
	if err := caddy.StrictUnmarshalJSON(reloadAdapt(t, c, text), config); err != nil {
		t.Fatal(err)
	}
	return config
}
