package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestBothFrontEndsServeTheSite(t *testing.T) {
	d := startTestDemo(t, config{})
	clients := d.clients(t)
	var first string
	for _, test := range []struct{ frontEnd, scheme, origin, protocol string }{
		{"plain", "http", d.plain(), "h1.1"},
		{"plain", "https", d.plainTLS(), "h1.1"},
		{"plain", "https", d.plainTLS(), "h2"},
		{"plain", "https", d.plainTLS(), "h3"},
		{"headstart", "http", d.headstart(), "h1.1"},
		{"headstart", "https", d.headstartTLS(), "h1.1"},
		{"headstart", "https", d.headstartTLS(), "h2"},
		{"headstart", "https", d.headstartTLS(), "h3"},
	} {
		t.Run(fmt.Sprintf("%s %s %s", test.frontEnd, test.scheme, test.protocol), func(t *testing.T) {
			response, page := visit(t, clients[test.protocol], test.origin+"/")
			if n := strings.Count(page, "data-entry>"); response.StatusCode != http.StatusOK || n < 60 {
				t.Fatalf("status %d with %d entries, want 200 with 60 or more", response.StatusCode, n)
			}
			if first == "" {
				first = page
			}
			if unpadded(page) != unpadded(first) {
				t.Error("the page differs from that of the first front end")
			}
			e := <-d.entries
			if e.FrontEnd != test.frontEnd || protocol(e.Request.Proto) != test.protocol || e.Status != http.StatusOK {
				t.Errorf("access log entry %+v, want %+v and status 200", e, test)
			}
			if e.UpstreamMS == nil {
				t.Error("the access log has no time of the backend's header")
			}
		})
	}
}

// TestTheStatusOfEveryPageComesThrough visits each page once more than Headstart
// needs to learn it.
func TestTheStatusOfEveryPageComesThrough(t *testing.T) {
	d := startTestDemo(t, config{})
	client := d.clients(t)["h2"]
	for path, want := range map[string]int{
		"/entries/the-bench-is-back": http.StatusOK,
		"/feeds/alder-street":        http.StatusOK,
		"/ever-changing":             http.StatusOK,
		"/settings":                  http.StatusFound,
		"/nothing":                   http.StatusNotFound,
		"/broken":                    http.StatusInternalServerError,
	} {
		if response, _ := visit(t, client, d.plainTLS()+path); response.StatusCode != want {
			t.Errorf("%s behind plain Caddy: status %d, want %d", path, response.StatusCode, want)
		}
		for i := range 4 {
			if response, _ := visit(t, client, d.headstartTLS()+path); response.StatusCode != want {
				t.Errorf("%s behind Headstart, visit %d: status %d, want %d", path, i+1, response.StatusCode, want)
			}
		}
	}
}

func TestAVisitorWhoLeavesStopsTheWork(t *testing.T) {
	for _, protocol := range []string{"h1.1", "h2", "h3"} {
		t.Run(protocol, func(t *testing.T) {
			g := new(gate)
			d := startTestDemo(t, config{wait: g.wait})
			client := d.clients(t)[protocol]
			begun := g.close()
			defer g.open()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			left := make(chan error, 1)
			go func() {
				response, err := navigate(ctx, client, d.plainTLS()+"/")
				if err == nil {
					err = errors.New("answered with " + response.Status)
					_ = response.Body.Close()
				}
				left <- err
			}()
			select {
			case <-begun:
			case err := <-left:
				t.Fatal(err)
			}
			leave()
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want a canceled request", err)
			}
			// The gate is still closed, so only giving up can end the request.
			if e := <-d.entries; e.UpstreamMS != nil {
				t.Errorf("access log entry %+v, want no answer from the backend", e)
			}
		})
	}
}

func TestTheDemoLeavesNothingBehind(t *testing.T) {
	temporary, data := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary) // on Windows
	t.Setenv("XDG_DATA_HOME", data)
	autosave := caddy.ConfigAutosavePath
	caddy.ConfigAutosavePath = data + "/autosave.json"
	t.Cleanup(func() { caddy.ConfigAutosavePath = autosave })

	d, err := startDemo(config{})
	if err != nil {
		t.Fatal(err)
	}
	visit(t, (&testDemo{demo: d}).clients(t)["h2"], origin("https", d.ports.PlainHTTPS)+"/")
	if err := d.close(); err != nil {
		t.Error(err)
	}
	for _, directory := range []string{temporary, data} {
		if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
			t.Errorf("%s holds %v (error %v), want nothing", directory, left, err)
		}
	}
}

func TestReserveNamesTheBusyPort(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		// A free range of ports, of which the last one is taken again.
		free, err := reserve(0)
		if err != nil {
			t.Fatal(err)
		}
		free.close()
		last := free.ports.HeadstartHTTPS
		var taken interface{ Close() error }
		if network == "tcp" {
			taken, err = net.Listen("tcp", address(last))
		} else {
			taken, err = net.ListenPacket("udp", address(last))
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = reserve(last - portCount + 1)
		if err == nil || !strings.HasPrefix(err.Error(), "port ") || !strings.Contains(err.Error(), "in use") {
			t.Errorf("%s port %d is taken: error %v, want one that names a port in use", network, last, err)
		}
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	}
}
