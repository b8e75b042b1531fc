package request

import (
	"net/http"
	"net/netip"
	"slices"
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
	Anonymous Audience = iota // a browser without cookies, or without those of a session
	Returning                 // a browser with cookies
	Crawler                   // a listed bot

	Audiences = 3 // how many there are
)

// String returns the audience as a metric label.
func (a Audience) String() string {
	return [...]string{"anonymous", "returning", "crawler"}[a]
}

// Options are what an operator may change of the rules. The zero value changes
// nothing; nil is the same.
type Options struct {
	// IgnoreQuery are parameters that do not bar a commit.
	IgnoreQuery Parameters
	// TrustHeader are names of headers, in canonical form, that are believed from a
	// trusted proxy. NeverTrusted must not name them.
	TrustHeader []string
	// SessionCookie are the cookies that make a visitor one who returns; if there
	// are none, any cookie does.
	SessionCookie Cookies
}

var noOptions Options

// trusts reports whether a header, in canonical form, is believed from a trusted
// proxy.
func (o *Options) trusts(name string) bool { return slices.Contains(o.TrustHeader, name) }

// Verdict is what may be done with a request. The zero value means nothing.
type Verdict struct {
	Navigation bool     // a document navigation; only these have an audience
	Audience   Audience // meaningful for a navigation
	Crawler    Family   // "" if the request is no crawler's
	Commit     bool     // the response may be committed
	Learn      bool     // the response may teach
	Reason     Reason   // why it may not be committed
}

// Inspect judges r as it reaches the handler, after every outer handler and
// with the marker cookie taken off. It does not change r, and asks for facts
// only if r is a navigation: most requests are none.
func Inspect(r *http.Request, facts func() Facts, o *Options) Verdict {
	return rules.inspect(r, facts, o)
}

func (s *ruleset) inspect(r *http.Request, facts func() Facts, o *Options) Verdict {
	if o == nil {
		o = &noOptions
	}
	if reason := s.navigation(r); reason != "" {
		return Verdict{Reason: reason, Crawler: botOf(r.Header)}
	}
	v := Verdict{Navigation: true, Crawler: familyOf(first(r.Header, "User-Agent"))}
	switch {
	case v.Crawler != "":
		v.Audience = Crawler
	case o.SessionCookie.session(r.Header["Cookie"]):
		v.Audience = Returning
	}
	f := facts()
	v.Commit, v.Learn = s.clean(r, f, o)
	switch {
	case !v.Commit:
		v.Reason = NotClean
	case f.Marked:
		v.Commit, v.Reason = false, Marked
	}
	return v
}
