package request

import (
	"net/http"
	"net/netip"
	"strings"
)

// Facts are what the server knows of a request beyond net/http.
type Facts struct {
	Target       string     // the request target as the client sent it
	ClientIP     netip.Addr // the client's address, behind trusted proxies
	TrustedProxy bool       // the request came through a trusted proxy
	User         string     // the user that an outer handler authenticated
	ListenerPort int        // the port that the connection was accepted on, 0 if it has none
	Marked       bool       // the marker cookie was on the request
}

// Audience is the kind of visitor; trust is earned per audience.
type Audience uint8

// The audiences.
const (
	Anonymous Audience = iota // a browser without cookies
	Returning                 // a browser with cookies
	Crawler                   // a listed bot

	Audiences = 3 // how many there are
)

// String returns the audience as a metric label.
func (a Audience) String() string {
	return [...]string{"anonymous", "returning", "crawler"}[a]
}

// Verdict is what may be done with a request. The zero value means nothing.
type Verdict struct {
	Navigation bool     // a document navigation; only these have an audience
	Audience   Audience // meaningful for a navigation
	Commit     bool     // the response may be committed
	Learn      bool     // the response may teach
	Reason     Reason   // why it may not be committed
}

// Inspect judges r as it reaches the handler, after every outer handler and
// with the marker cookie taken off. It does not change r, and asks for facts
// only if r is a navigation: most requests are none.
func Inspect(r *http.Request, facts func() Facts, ignore Parameters) Verdict {
	if reason := navigation(r); reason != "" {
		return Verdict{Reason: reason}
	}
	f := facts()
	v := Verdict{Navigation: true, Audience: audience(r.Header)}
	v.Commit, v.Learn = clean(r, f, ignore)
	switch {
	case !v.Commit:
		v.Reason = NotClean
	case f.Marked:
		v.Commit, v.Reason = false, Marked
	}
	return v
}

func audience(h http.Header) Audience {
	switch {
	case IsCrawler(h.Get("User-Agent")):
		return Crawler
	case hasAny(h, "Cookie"):
		return Returning
	}
	return Anonymous
}

// IsBrowser reports whether a User-Agent is a browser's. Every browser begins
// so, and so do crawlers that pretend to be one, which IsCrawler tells apart.
func IsBrowser(userAgent string) bool {
	return strings.HasPrefix(userAgent, "Mozilla/5.0 (") && !IsCrawler(userAgent)
}
