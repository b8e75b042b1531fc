package module_test

import (
	"net/http"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// TestTransparentWhileTheBackendIsDown: a health probe sees the true status,
// whether or not the page has been learned, and so does a first visitor.
func TestTransparentWhileTheBackendIsDown(t *testing.T) {
	origin := startOrigin(t)
	proxy := "\treverse_proxy " + origin.Addr()
	c := startCaddy(t, twins("raw", "", proxy)+twins("encoded", encode, proxy))
	sites := []string{"raw", "encoded"}

	learned := make(map[string]int) // visits that taught, by path
	path := func(protocol, site string) string { return "/learned/" + protocol + "/" + site }
	t.Run("teach", func(t *testing.T) {
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for _, site := range sites {
				x := trial{c: c, v: v, origin: origin, site: site + "_early", path: path(v.protocol, site)}
				learned[x.path] = x.teach(t)
			}
		})
	})
	if err := origin.Close(); err != nil {
		t.Fatal(err)
	}

	eachProtocol(t, func(t *testing.T, v *visitor) {
		for _, site := range sites {
			for _, p := range []struct {
				name, path string
				dress      func(*http.Request)
			}{
				{"probe of a learned page", path(v.protocol, site), asProbe},
				{"probe", "/new/" + v.protocol + "/" + site, asProbe},
				{"browser with a cookie", "/cookie/" + v.protocol + "/" + site, asReturning},
				{"browser on its first visit", "/first/" + v.protocol + "/" + site, asBrowser},
			} {
				t.Run(site+"/"+p.name, func(t *testing.T) {
					tc := transparencyCase{
						try:   func(t *testing.T, x *trial) look { return x.get(t) },
						check: answers(http.StatusBadGateway, ""),
					}
					tc.compare(t, trial{c: c, v: v, site: site, path: p.path, dress: p.dress}, kind{}, learned[p.path])
				})
			}
		}
	})
}

// asProbe adds what curl sends.
func asProbe(req *http.Request) {
	req.Header.Set("User-Agent", "curl/8.20.0")
	req.Header.Set("Accept", "*/*")
}

// TestTransparentProbeSeesTheBackendReturn: nothing of a failure is kept.
func TestTransparentProbeSeesTheBackendReturn(t *testing.T) {
	origin := startOrigin(t)
	c := startCaddy(t, twins("raw", "", "\treverse_proxy "+origin.Addr()))
	eachProtocol(t, func(t *testing.T, v *visitor) {
		x := trial{c: c, v: v, origin: origin, site: "raw_early", path: "/" + v.protocol, dress: asProbe}
		for _, want := range []int{502, 200, 502, 200} {
			answer := []testorigin.Step{htmlHead, testorigin.Write(page)}
			if want == 502 {
				answer = []testorigin.Step{testorigin.Abort()}
			}
			x.answer(answer...)
			if l := x.get(t); l.Status != want {
				t.Errorf("status %d, want %d", l.Status, want)
			}
		}
	})
}
