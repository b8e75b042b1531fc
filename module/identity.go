package module

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// instances counts the handlers that no route list names.
var instances atomic.Uint64

// identityIn returns what tells this handler from all others, in this config and
// the next: the way a request takes through the server's routes to reach it,
// with the matchers and guards it passes, and the options that decide what is
// learned. So openings survive a reload that leaves the way as it was, and none
// is ever shown behind another guard than it was learned behind.
//
// A handler cannot know its place while it is provisioned, so this happens at
// its first request.
func (h *Handler) identityIn(r *http.Request) string {
	h.identityOnce.Do(func() {
		// not found in the server's routes: unlike any other, for this config only
		h.identity = fmt.Sprint("instance ", instances.Add(1))
		server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
		if !ok {
			return
		}
		s := search{self: h, hash: sha256.New()}
		s.write("options", h.Key, fmt.Sprint(h.LearnAfter), fmt.Sprint(h.LearnPrivate), fmt.Sprint(h.EarlyAsync), fmt.Sprint(h.IgnoreQuery), fmt.Sprint(h.IgnoreHeader))
		// How far a page is learned: what an operator keeps from it is not sent any more.
		s.write("extent", fmt.Sprint(h.StopAt), fmt.Sprint(h.MaxOpening))
		// Who may teach, and whose answers an audience's record is made of. Not flush and
		// crawlers: they hold back what was learned, and change nothing of it.
		s.write("audiences", fmt.Sprint(h.TrustHeader), fmt.Sprint(h.SessionCookie))
		// Not its name, which changes when another server is put before it.
		s.write("server")
		s.write(slices.Sorted(slices.Values(server.Listen))...)
		if s.server(server) {
			h.around = s.around
			h.identity = hex.EncodeToString(s.hash.Sum(nil)[:16])
		}
	})
	return h.identity
}

// harmlessHandlers are those that never end a request and decide nothing: what they
// change of a request shows in the request. A reload may put them in front, or
// take them away.
var harmlessHandlers = map[string]bool{
	"http.handlers.encode":       true,
	"http.handlers.headers":      true,
	"http.handlers.log_append":   true,
	"http.handlers.request_body": true,
	"http.handlers.rewrite":      true,
	"http.handlers.timeouts":     true,
	"http.handlers.tracing":      true,
}

// search walks the routes of a server in the order of evaluation to self, and
// hashes what it passes.
type search struct {
	self   *Handler
	hash   hash.Hash
	around caddyhttp.RouteList // what comes before and after self on its way
}

func (s *search) write(parts ...string) {
	for _, part := range parts {
		_, _ = fmt.Fprintf(s.hash, "%d:%s", len(part), part) // a hash never fails
	}
}

func (s *search) server(server *caddyhttp.Server) bool {
	if s.routes(server.Routes) {
		return true
	}
	for _, name := range slices.Sorted(maps.Keys(server.NamedRoutes)) {
		routes := caddyhttp.RouteList{*server.NamedRoutes[name]}
		if s.holds(routes) {
			s.write("named", name)
			return s.routes(routes)
		}
	}
	if server.Errors == nil {
		return false
	}
	s.write("errors")
	return s.routes(server.Errors.Routes)
}

// holds reports whether self is somewhere in a list of routes.
func (s *search) holds(routes caddyhttp.RouteList) bool {
	return slices.ContainsFunc(routes, func(route caddyhttp.Route) bool {
		return slices.ContainsFunc(route.Handlers, func(handler caddyhttp.MiddlewareHandler) bool {
			sub, ok := handler.(*caddyhttp.Subroute)
			return handler == caddyhttp.MiddlewareHandler(s.self) || ok && s.holds(sub.Routes)
		})
	})
}

// routes hashes the way through a list of routes to self, and reports whether
// there is one.
func (s *search) routes(routes caddyhttp.RouteList) bool {
	at := slices.IndexFunc(routes, func(route caddyhttp.Route) bool { return s.holds(caddyhttp.RouteList{route}) })
	if at < 0 {
		return false
	}
	way := routes[at]
	for _, route := range routes[:at] {
		if guards(route) && !elsewhere(route) {
			s.route(route)
			s.around = append(s.around, route)
		}
	}
	// A route without matchers is no station: Caddy's adapter wraps a site into
	// one as soon as there is another site.
	if len(way.MatcherSets) > 0 || way.Group != "" {
		s.route(caddyhttp.Route{Group: way.Group, MatcherSets: way.MatcherSets})
	}
	for i, handler := range way.Handlers {
		sub, ok := handler.(*caddyhttp.Subroute)
		switch {
		case handler == caddyhttp.MiddlewareHandler(s.self):
			s.write("self")
		case ok && s.holds(sub.Routes):
			s.routes(sub.Routes)
		default:
			s.handler(handler)
			continue
		}
		s.around = append(s.around, caddyhttp.Route{Handlers: way.Handlers[i+1:]})
		s.around = append(s.around, routes[at+1:]...)
		return true
	}
	return false
}

// choices returns which of the routes before and behind the handler match a
// request. A matcher behind it can be a guard (`reverse_proxy @staff …`), one
// before it can choose a backend (`vars @staff backend …`), so that goes into the
// key: whom they keep out shares no opening with whom they let in.
func choices(around caddyhttp.RouteList, r *http.Request) string {
	var way []byte
	for _, route := range around {
		if len(route.MatcherSets) > 0 && !elsewhere(route) {
			matches, err := route.MatcherSets.AnyMatchWithError(r)
			switch {
			case err != nil:
				way = append(way, 'e')
				continue
			case !matches:
				way = append(way, '-')
				continue
			}
			way = append(way, '+')
		}
		for _, handler := range route.Handlers {
			if sub, ok := handler.(*caddyhttp.Subroute); ok {
				way = append(way, choices(sub.Routes, r)...)
			}
		}
	}
	return string(way)
}

// guards reports whether a route may keep a request from what comes after it.
func guards(route caddyhttp.Route) bool {
	return slices.ContainsFunc(route.Handlers, func(handler caddyhttp.MiddlewareHandler) bool {
		return !harmlessHandlers[moduleID(handler)]
	})
}

// elsewhere reports whether a route is another site: held to hosts and nothing
// else, and terminal. A request that comes past it is for another host, and the
// host is part of every key.
func elsewhere(route caddyhttp.Route) bool {
	for _, set := range route.MatcherSets {
		if len(set) != 1 {
			return false
		}
		if _, ok := set[0].(*caddyhttp.MatchHost); !ok {
			return false
		}
	}
	return route.Terminal && len(route.MatcherSets) > 0
}

// route hashes all of a route.
func (s *search) route(route caddyhttp.Route) {
	s.write("route", fmt.Sprint(route.Group != "", route.Terminal)) // groups are numbered, and the numbers change
	for _, set := range route.MatcherSets {
		s.matchers(set)
	}
	for _, handler := range route.Handlers {
		s.handler(handler)
	}
}

func (s *search) handler(handler caddyhttp.MiddlewareHandler) {
	id := moduleID(handler)
	if harmlessHandlers[id] {
		return
	}
	s.write("handler", id)
	if sub, ok := handler.(*caddyhttp.Subroute); ok {
		for _, route := range sub.Routes {
			s.route(route)
		}
		s.write("end")
	}
}

// matchers writes a set of matchers with their settings. Their order in a set
// comes from a map, and does not matter.
func (s *search) matchers(set caddyhttp.MatcherSet) {
	lines := make([]string, 0, len(set))
	for _, matcher := range set {
		lines = append(lines, describe(matcher))
	}
	slices.Sort(lines)
	s.write("matchers")
	s.write(lines...)
}

// describe renders one matcher. A not matcher drops its raw settings when it is
// provisioned, so the matchers inside it are described instead.
func describe(matcher any) string {
	if not, ok := matcher.(*caddyhttp.MatchNot); ok {
		inner := search{hash: sha256.New()}
		for _, set := range not.MatcherSets {
			inner.matchers(set)
		}
		return "not " + hex.EncodeToString(inner.hash.Sum(nil))
	}
	settings, err := json.Marshal(matcher)
	if err != nil {
		settings = fmt.Append(nil, "instance ", instances.Add(1)) // like no other
	}
	return moduleID(matcher) + " " + string(settings)
}

func moduleID(v any) string {
	if module, ok := v.(caddy.Module); ok {
		return string(module.CaddyModule().ID)
	}
	return fmt.Sprintf("%T", v)
}
