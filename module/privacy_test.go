package module_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/module"
)

// privacySite is a site with users whom the backend knows by cookie, by
// Authorization or by address, and some who sign in at Caddy, so that nothing in
// the request tells.
func privacySite(c *crowd, backend, option string) string {
	const hash = "$2a$04$4YZRVq8VVqJ2BqsEwLhrb.uEzsJPoBKWUgQYMlLLN9lrc2S./gqdi" // of hiccup
	var accounts strings.Builder
	for _, name := range c.users["basic"] {
		accounts.WriteString(name + " " + hash + "\n")
	}
	return fmt.Sprintf(`
http://:<site>, https://example.test:<site_tls> {
	log
	route {
		@basic header Authorization Basic*
		basic_auth @basic {
			%s
		}
		request_header @basic -Authorization
		headstart {
			min_wait 0
			ignore_header X-User
			%s
		}
		reverse_proxy %s {
			header_up X-Level {http.headstart.level}
			header_up X-Auth-User {http.auth.user.id}
		}
	}
}
`, accounts.String(), option, backend)
}

// TestPrivacy mixes users with strangers, in all orders. Nothing of a response to
// a user is ever in what anybody gets early, in memory, in logs or in metrics;
// but for a parked response, which only its own visitor gets, once.
func TestPrivacy(t *testing.T) {
	users := 500 // responses to users, for each of the four
	if raceDetector {
		users = 200
		t.Logf("four times %d responses to users, since the race detector is slow; 500 without it", users)
	}
	tests := []struct {
		option string
		seed   uint64
	}{{"", 1}, {"learn_private", 2}, {"flush head", 3}, {"flush head\n\t\t\tlearn_private", 4}}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.seed, test.option), func(t *testing.T) {
			t.Logf("seed %d", test.seed)
			s := &secrets{rng: rand.New(rand.NewPCG(test.seed, 0)), known: make(map[string]privateText)}
			origin := startOrigin(t)
			c := newCrowd(t, s, origin)
			c.lesson = &lesson{caddyServer: startCaddy(t, privacySite(c, origin.Addr(), test.option), lessonProxies), origin: origin}
			c.run(users)
			c.checkTally(users)
			c.quiet()
			c.checkState()
			c.checkLogs()
			c.checkMetrics()

			state := module.SharedState()
			if err := caddy.Stop(); err != nil {
				t.Fatal(err)
			}
			clear(c.parked) // what nobody came for is gone
			c.checkMemory(state)
		})
	}
}

// quiet returns when Caddy has done with all requests.
func (c *crowd) quiet() {
	c.t.Helper()
	drain(c.t, c.origin)
	c.logs.waitFor(c.t, c.begun, func() []logEntry {
		c.logs.mu.Lock()
		defer c.logs.mu.Unlock()
		return slices.Concat(slices.Collect(maps.Values(c.logs.accesses))...)
	})
}

// checkTally makes sure that enough has happened, for so many responses to users.
func (c *crowd) checkTally(users int) {
	c.t.Helper()
	for _, what := range slices.Sorted(maps.Keys(c.tally)) {
		c.t.Logf("%s: %d", what, c.tally[what])
	}
	least := map[string]int{
		"early for users": 10, "early for strangers": 50, "collected": 8, "thieves": 4, "left behind": 1,
		"users by cookie": 300, "users by bearer": 5, "users by basic": 5, "users by address": 1,
	}
	for what, n := range least { // of 500
		n = n * users / 500
		if c.tally[what] < n {
			c.t.Errorf("%s: only %d, want %d", what, c.tally[what], n)
		}
	}
}

// checkState looks at all that handlers share. First the look itself is checked:
// it must find what is known to be there.
func (c *crowd) checkState() {
	c.t.Helper()
	var all strings.Builder
	texts(module.SharedState(), func(_, text string) { all.WriteString(text) })
	if !strings.Contains(all.String(), "/last.css") {
		c.t.Error("what was learned is not found in memory")
	}
	found := make(map[bool]int)
	for _, s := range c.secrets.find(all.String()) {
		found[c.parked[s.visit] && !s.storable]++
	}
	if found[false] == 0 {
		c.t.Error("what came for strangers is not found in memory")
	}
	c.checkMemory(module.SharedState())
}

// checkMemory looks for secrets in memory. Of strangers' answers some may be kept,
// to compare the next one with; and all of those that wait to be collected.
func (c *crowd) checkMemory(state any) {
	c.t.Helper()
	texts(state, func(way, text string) {
		for _, s := range c.secrets.find(text) {
			if waits := c.parked[s.visit] && strings.HasPrefix(way, "state.lot."); !waits && !s.storable {
				c.t.Errorf("%s holds %+v", way, s)
			}
		}
	})
}

// checkLogs looks for secrets in the log at level debug.
func (c *crowd) checkLogs() {
	c.t.Helper()
	c.logs.mu.Lock()
	lines := string(c.logs.lines)
	c.logs.mu.Unlock()
	n := 0
	for line := range strings.Lines(lines) {
		n++
		if len(c.secrets.find(line)) > 0 {
			c.secrets.absent(c.t, "a log line", withoutCaddysOwn(line))
		}
	}
	if n < 2*c.begun {
		c.t.Errorf("%d log lines of %d requests", n, c.begun)
	}
}

// checkMetrics looks for secrets in the text that Prometheus gets.
func (c *crowd) checkMetrics() {
	c.t.Helper()
	resp, err := c.visitors["h1"].transport.RoundTrip(newRequest(c.t, http.MethodGet, "http://"+c.addr(c.t, "metrics")+"/metrics", nil))
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), "caddy_headstart_outcomes_total") {
		c.t.Errorf("no metrics: %v", err)
	}
	c.secrets.absent(c.t, "metrics", string(text))
}

// untilLed takes in a response: all of it, or up to the end of markup that leads
// the visitor away. led tells which.
func (r *reply) untilLed(t *testing.T) (text string, led bool) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		text, end, more := r.look()
		if _, markup, ok := strings.Cut(text, "<a data-headstart "); ok && strings.Contains(markup, "</noscript>") {
			return text, true
		}
		if end != "" {
			return text, false
		}
		select {
		case <-more:
		case <-timer.C:
			t.Fatalf("waited too long for the end; got %q", text)
		}
	}
}
