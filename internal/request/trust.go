package request

import "strings"

// neverTrusted are request headers that trust_header must not name, with the
// reason. A trailing * matches any ending. Names that have a rule of their own are
// refused as well, see NeverTrusted.
var neverTrusted = []struct {
	names  []string
	reason string
}{
	{
		[]string{
			"Authorization", "Cookie*", "Proxy-Authorization", "X-Api-Key", "X-Access-Token", "X-Auth-*", "X-Id-Token", "X-Jwt*", "X-Csrf*", "X-Session*", "X-Token", "X-Xsrf*",
		},
		"it holds credentials",
	},
	{
		[]string{
			"Cf-Access-*", "Cf-Client-Cert-*", "Client-Cert*", "Remote-*", "Ssl-Client-*", "Tailscale-*", "X-Amzn-Oidc-*", "X-Arr-Clientcert", "X-Authenticated-*", "X-Authentik-*", "X-Client-Cert*",
			"X-Email", "X-Forwarded-Access-Token", "X-Forwarded-Client-Cert", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
			"X-Forwarded-User", "X-Goog-Authenticated-User-*", "X-Goog-Iap-*", "X-Ms-Client-Principal*", "X-Ms-Token-*", "X-Remote-*", "X-Ssl-Client-*",
			"X-User*", "X-Vouch-*", "X-Webauth-*",
		},
		"it says who the visitor is",
	},
	{
		[]string{
			"Destination", "Forwarded", "Host", "Http-Host", "Script-Name", "X-Envoy-Original-*", "X-Forwarded", "X-Forwarded-Base*", "X-Forwarded-Path",
			"X-Forwarded-Prefix", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-Uri", "X-Forwarded-Url",
			"X-Host", "X-Http-Destinationurl", "X-Http-Host-Override", "X-Original-*", "X-Proxy-Url", "X-Rewrite-*", "X-Script-Name", "X-Url-Scheme",
			"Front-End-Https",
		},
		"it names another host, path or scheme than the key",
	},
	{
		[]string{"X-Forwarded-Method", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override"},
		"it names another method",
	},
	{
		[]string{
			"Content-*", "Early-Data", "Expect", "Http2-Settings", "Keep-Alive", "Max-Forwards", "Proxy-*", "Trailer", "Transfer-Encoding", "Upgrade",
		},
		"it belongs to the connection or the request's body, which Caddy handles",
	},
	{
		[]string{"Accept-*", "If-*", "Pragma", "Range", "Want-*"},
		"it asks for another answer",
	},
	{
		[]string{
			"Access-Control-*", "Caddy-*", "Hx-*", "Next-*", "Origin", "Purpose", "Rsc", "Sec-*", "Service-Worker*", "Turbo-*", "X-Inertia*", "X-Moz", "X-Pjax*",
			"X-Purpose", "X-Requested-With", "X-Turbo-*",
		},
		"it says that the request is no plain page navigation",
	},
}

// NeverTrusted says why a header, in canonical form, cannot be one that is
// believed from a trusted proxy because the operator says so, or "" if it can.
func NeverTrusted(name string) (reason string) {
	for _, row := range neverTrusted {
		if covers(row.names, name) {
			return row.reason
		}
	}
	if _, ok := rules.headers[name]; ok {
		return "it has a rule of its own, as visitors send it too"
	}
	if _, ok := rules.proxied[name]; ok {
		return "it has a rule of its own, and is believed from trusted proxies anyhow"
	}
	if strings.HasSuffix(name, "*") {
		return "it must be the full name"
	}
	return ""
}
