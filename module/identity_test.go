package module

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// identityOf returns the identity of a handler in a server with some routes.
func identityOf(h *Handler, server *caddyhttp.Server) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	return h.identityIn(r.WithContext(context.WithValue(r.Context(), caddyhttp.ServerCtxKey, server)))
}

// Parts of routes.
func when(matchers ...any) caddyhttp.MatcherSets {
	set := make(caddyhttp.MatcherSet, 0, len(matchers))
	for _, m := range matchers {
		set = append(set, m.(caddyhttp.RequestMatcherWithError))
	}
	return caddyhttp.MatcherSets{set}
}

func does(handlers ...caddyhttp.MiddlewareHandler) caddyhttp.Route {
	return caddyhttp.Route{Handlers: handlers}
}

func block(routes ...caddyhttp.Route) *caddyhttp.Subroute {
	return &caddyhttp.Subroute{Routes: routes}
}

func paths(list ...string) *caddyhttp.MatchPath {
	m := caddyhttp.MatchPath(list)
	return &m
}

func agents(name string) *caddyhttp.MatchHeader {
	m := caddyhttp.MatchHeader{"User-Agent": {name}}
	return &m
}

func not(sets caddyhttp.MatcherSets) *caddyhttp.MatchNot {
	return &caddyhttp.MatchNot{MatcherSets: sets}
}

// identityCases are servers around a handler. All give it another identity.
var identityCases = map[string]func(*Handler) *caddyhttp.Server{
	"alone": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(h)}}
	},
	"another listener": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Listen: []string{"127.0.0.1:8080"}, Routes: caddyhttp.RouteList{does(h)}}
	},
	"with a matcher": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(paths("/a")), Handlers: does(h).Handlers}}}
	},
	"with another value": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(paths("/b")), Handlers: does(h).Handlers}}}
	},
	"with more values": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(paths("/a", "/b")), Handlers: does(h).Handlers}}}
	},
	"with two matchers of a set": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(paths("/a"), agents("x")), Handlers: does(h).Handlers}}}
	},
	"with two sets": func(h *Handler) *caddyhttp.Server {
		sets := append(when(paths("/a")), when(agents("x"))...)
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: sets, Handlers: does(h).Handlers}}}
	},
	"with not": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(not(when(paths("/a")))), Handlers: does(h).Handlers}}}
	},
	"with not and another value": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(not(when(paths("/b")))), Handlers: does(h).Handlers}}}
	},
	"with a not inside a not": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(not(when(not(when(paths("/a")))))), Handlers: does(h).Handlers}}}
	},
	"in a group": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{Group: "g", Handlers: does(h).Handlers}}}
	},
	"behind a guard": func(h *Handler) *caddyhttp.Server {
		guard := caddyhttp.Route{MatcherSets: when(agents("x")), Handlers: does(&caddyhttp.StaticResponse{}).Handlers}
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{guard, does(h)}}
	},
	"behind another guard": func(h *Handler) *caddyhttp.Server {
		guard := caddyhttp.Route{MatcherSets: when(agents("y")), Handlers: does(&caddyhttp.StaticResponse{}).Handlers}
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{guard, does(h)}}
	},
	"behind a guard, in a block with a matcher": func(h *Handler) *caddyhttp.Server {
		guard := caddyhttp.Route{MatcherSets: when(agents("x")), Handlers: does(&caddyhttp.StaticResponse{}).Handlers}
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(paths("/a")), Handlers: does(block(guard, does(h))).Handlers}}}
	},
	"with a matcher, in a block with another": func(h *Handler) *caddyhttp.Server {
		inside := caddyhttp.Route{MatcherSets: when(agents("x")), Handlers: does(h).Handlers}
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(paths("/a")), Handlers: does(block(inside)).Handlers}}}
	},
	"behind another handler": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(agents("x")), Handlers: does(new(Handler)).Handlers}, does(h)}}
	},
	"in a named route": func(h *Handler) *caddyhttp.Server {
		route := does(h)
		return &caddyhttp.Server{NamedRoutes: map[string]*caddyhttp.Route{"a": &route}}
	},
	"in a named route of another name": func(h *Handler) *caddyhttp.Server {
		route := does(h)
		return &caddyhttp.Server{NamedRoutes: map[string]*caddyhttp.Route{"b": &route}}
	},
	"in error routes": func(h *Handler) *caddyhttp.Server {
		return &caddyhttp.Server{Errors: &caddyhttp.HTTPErrorConfig{Routes: caddyhttp.RouteList{does(h)}}}
	},
	"not to be found": func(*Handler) *caddyhttp.Server { return new(caddyhttp.Server) },
}

// A handler is told by its place in the routes: the same place gives the same
// identity in the next config, any other place another.
func TestIdentity(t *testing.T) {
	owner := make(map[string]string)
	for name, server := range identityCases {
		h := new(Handler)
		id := identityOf(h, server(h))
		if other, taken := owner[id]; taken {
			t.Errorf("%q and %q are the same", name, other)
		}
		owner[id] = name
		if again := identityOf(h, new(caddyhttp.Server)); again != id {
			t.Errorf("%s: changes with the request", name)
		}
		next := new(Handler)
		if again := identityOf(next, server(next)); (again == id) != (name != "not to be found") {
			t.Errorf("%s: %q, and %q in the next config", name, id, again)
		}
	}
}

// Two handlers on the same way are still two.
func TestIdentityOfTwins(t *testing.T) {
	a, b, c := new(Handler), new(Handler), new(Handler)
	server := &caddyhttp.Server{Routes: caddyhttp.RouteList{
		does(a, b),
		{Group: "g", Handlers: does(block(does(c))).Handlers},
	}}
	ids := map[string]bool{identityOf(a, server): true, identityOf(b, server): true, identityOf(c, server): true}
	if len(ids) != 3 {
		t.Errorf("three handlers have %d identities", len(ids))
	}
}

// What does not change the way does not change the identity.
func TestIdentityIgnores(t *testing.T) {
	identity := func(server func(*Handler) *caddyhttp.Server) string {
		h := new(Handler)
		return identityOf(h, server(h))
	}
	version := func(value string) *headers.Handler {
		return &headers.Handler{Response: &headers.RespHeaderOps{HeaderOps: &headers.HeaderOps{Set: http.Header{"X-Version": {value}}}}}
	}
	pairs := map[string][2]func(*Handler) *caddyhttp.Server{
		"the order of the matchers in a set, which comes from a map": {
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(paths("/a"), agents("x")), Handlers: does(h).Handlers}}}
			},
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{{MatcherSets: when(agents("x"), paths("/a")), Handlers: does(h).Handlers}}}
			},
		},
		"the settings of a handler in front": {
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(version("1")), does(h)}}
			},
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(version("2")), does(h)}}
			},
		},
		"a block without a matcher": {
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(h)}}
			},
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(block(does(h)))}}
			},
		},
		"a handler in front that decides nothing": {
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(h)}}
			},
			func(h *Handler) *caddyhttp.Server {
				front := caddyhttp.Route{MatcherSets: when(paths("/a")), Handlers: does(version("1")).Handlers}
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{front, does(h)}}
			},
		},
		"another site in front": {
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(h)}}
			},
			func(h *Handler) *caddyhttp.Server {
				site := caddyhttp.Route{MatcherSets: when(&caddyhttp.MatchHost{"other.test"}), Handlers: does(new(Handler)).Handlers, Terminal: true}
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{site, does(h)}}
			},
		},
		"what comes behind": {
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(h)}}
			},
			func(h *Handler) *caddyhttp.Server {
				return &caddyhttp.Server{Routes: caddyhttp.RouteList{does(h, version("1")), does(version("1"))}}
			},
		},
	}
	for name, pair := range pairs {
		if a, b := identity(pair[0]), identity(pair[1]); a != b {
			t.Errorf("%s changes the identity", name)
		}
	}
}

// Options that decide who teaches, and whose answers count for whom, are part of
// the identity; those that only hold back what was learned are not.
func TestIdentityOfOptions(t *testing.T) {
	identity := func(h *Handler) string {
		return identityOf(h, &caddyhttp.Server{Routes: caddyhttp.RouteList{does(h)}})
	}
	plain := identity(new(Handler))
	owner := map[string]string{plain: "none"}
	for name, h := range map[string]*Handler{
		"key":            {Key: "/a"},
		"learn_private":  {LearnPrivate: true},
		"early_async":    {EarlyAsync: true},
		"ignore_query":   {IgnoreQuery: []string{"a"}},
		"ignore_header":  {IgnoreHeader: []string{"A"}},
		"trust_header":   {TrustHeader: []string{"A"}},
		"session_cookie": {SessionCookie: []string{"A"}},
	} {
		id := identity(h)
		if other, taken := owner[id]; taken {
			t.Errorf("%s and %s are the same", name, other)
		}
		owner[id] = name
	}
	for name, h := range map[string]*Handler{"flush": {Flush: FlushHints}, "crawlers": {Crawlers: CrawlersOff}} {
		if id := identity(h); id != plain {
			t.Errorf("%s changes the identity", name)
		}
	}
}
