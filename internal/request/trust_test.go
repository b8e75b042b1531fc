package request

import (
	"net/http"
	"strings"
	"testing"
)

// What a CDN adds is believed if it is named, sent once, plain, and through a
// trusted proxy.
func TestTrustHeader(t *testing.T) {
	options := &Options{TrustHeader: []string{"Cf-Ray", "Cf-Visitor", "X-Amz-Cf-Id", "X-Forwarded-Port"}}
	tests := []struct {
		name, header string
		values       []string
		direct       bool // no trusted proxy in front
		want         bool
	}{
		{"named", "Cf-Ray", []string{"96a16390d8f6f3a7-DME"}, false, true},
		{"named, empty", "Cf-Ray", []string{""}, false, true},
		{"base64", "X-Amz-Cf-Id", []string{"a_B-c/d+e=="}, false, true},
		{"a port", "X-Forwarded-Port", []string{"443"}, false, true},
		{"https in JSON", "Cf-Visitor", []string{`{"scheme":"https"}`}, false, true},
		{"http in JSON", "Cf-Visitor", []string{`{"scheme":"http"}`}, false, true},
		{"512 bytes", "Cf-Ray", []string{strings.Repeat("a", 512)}, false, true},

		{"not from a proxy", "Cf-Ray", []string{"1"}, true, false},
		{"JSON not from a proxy", "Cf-Visitor", []string{`{"scheme":"https"}`}, true, false},
		{"not named", "Cf-Connecting-Ip", []string{"203.0.113.9"}, false, false},
		{"twice", "Cf-Ray", []string{"1", "2"}, false, false},
		{"no value", "Cf-Ray", []string{}, false, false},
		{"513 bytes", "Cf-Ray", []string{strings.Repeat("a", 513)}, false, false},
		{"markup", "Cf-Ray", []string{"<b>"}, false, false},
		{"JSON elsewhere", "Cf-Ray", []string{`{"scheme":"https"}`}, false, false},
		{"other JSON", "Cf-Visitor", []string{`{"scheme":"https","x":"</script>"}`}, false, false},
		{"a scheme of another name", "Cf-Visitor", []string{`{"scheme":"javascript"}`}, false, false},
		{"plain text for JSON", "Cf-Visitor", []string{"https"}, false, false},
		{"no port", "X-Forwarded-Port", []string{"443/x"}, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, facts := visit()
			facts.TrustedProxy = !test.direct
			r.Header[test.header] = test.values
			if v := Inspect(r, known(facts), options); v.Commit != test.want || v.Learn != test.want {
				t.Errorf("%+v", v)
			}
		})
	}
}

// What says where the visitor is, and has a rule for its value, is in the key.
func TestTrustedHeadersInTheKey(t *testing.T) {
	key := func(trusted bool, name, value string) Key {
		r, facts := visit()
		facts.TrustedProxy = trusted
		if name != "" {
			r.Header.Set(name, value)
		}
		return NewKey("h", "", r, facts, nil)
	}
	for name := range rules.named {
		if key(true, name, "a") == key(true, name, "b") || key(true, name, "a") == key(true, "", "") {
			t.Errorf("%s is not in the key", name)
		}
		if key(false, name, "a") != key(false, "", "") {
			t.Errorf("%s is in the key from anybody", name)
		}
	}
	if key(true, "Cf-Ray", "a") != key(true, "Cf-Ray", "b") {
		t.Error("each request has a key of its own")
	}
}

func TestNeverTrusted(t *testing.T) {
	for _, name := range []string{
		"Cf-Ray", "Cf-Connecting-Ip", "Cf-Visitor", "Cf-Ipcountry", "Cf-Ew-Via", "Cf-Worker", "Cdn-Loop", "Cloudfront-Viewer-Country", "X-Amz-Cf-Id",
		"X-Amzn-Trace-Id", "Fastly-Client-Ip", "Fastly-Ff", "Fastly-Ssl", "X-Varnish", "X-Timer", "True-Client-Ip", "X-Real-Ip", "X-Request-Id",
		"X-Cloud-Trace-Context", "X-Azure-Ref", "X-Forwarded-Port", "Akamai-Origin-Hop", "Via", "Tracestate",
	} {
		if reason := NeverTrusted(name); reason != "" {
			t.Errorf("%s: %s", name, reason)
		}
	}
	for name, part := range map[string]string{
		"Cookie": "credentials", "Authorization": "credentials", "X-Csrf-Token": "credentials",
		"Remote-User": "who the visitor is", "Cf-Access-Jwt-Assertion": "who the visitor is", "X-Forwarded-User": "who the visitor is",
		"Host": "another host", "Forwarded": "another host", "X-Original-Url": "another host", "X-Rewrite-Url": "another host",
		"X-Forwarded-Prefix": "another host", "X-Forwarded-Scheme": "another host",
		"X-Http-Method-Override": "another method",
		"Transfer-Encoding":      "connection", "Upgrade": "connection", "Proxy-Connection": "connection", "Content-Length": "connection", "Early-Data": "connection",
		"If-None-Match": "another answer", "Range": "another answer",
		"Sec-Purpose": "no plain page navigation", "Caddy-Push": "no plain page navigation", "X-Requested-With": "no plain page navigation",
		"Connection": "rule of its own", "Te": "rule of its own", "User-Agent": "rule of its own", "Referer": "rule of its own",
		"X-Forwarded-Host": "believed from trusted proxies anyhow", "X-Forwarded-For": "believed from trusted proxies anyhow",
		"X-Forwarded-Proto": "believed from trusted proxies anyhow",
		"Cf-*":              "full name",
	} {
		if reason := NeverTrusted(name); !strings.Contains(reason, part) {
			t.Errorf("%s: %q, want %q in it", name, reason, part)
		}
	}
	for _, row := range neverTrusted {
		for _, name := range row.names {
			bare := strings.TrimSuffix(name, "*")
			if canonical := http.CanonicalHeaderKey(bare); canonical != bare {
				t.Errorf("%s is not in canonical form", name)
			}
			if _, ok := rules.named[bare]; ok {
				t.Errorf("%s has a rule for trusting it", name)
			}
		}
	}
}
