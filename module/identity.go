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
// with the matchers it passes. So openings survive a reload that leaves the way
// as it was, and none is ever shown behind another guard than it was learned
// behind.
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
		// Not its name, which changes when another server is put before it.
		s.write("server")
		s.write(slices.Sorted(slices.Values(server.Listen))...)
		if s.server(server) {
			h.identity = hex.EncodeToString(s.hash.Sum(nil)[:16])
		}
	})
	return h.identity
}

// search walks the routes of a server in the order of evaluation, and hashes
// what it passes until it finds self.
type search struct {
	self *Handler
	hash hash.Hash
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
		s.write("named", name)
		if s.routes(caddyhttp.RouteList{*server.NamedRoutes[name]}) {
			return true
		}
	}
	return server.Errors != nil && s.routes(server.Errors.Routes)
}

func (s *search) routes(routes caddyhttp.RouteList) bool {
	for i := range routes {
		route := &routes[i]
		s.write("route", route.Group, fmt.Sprint(route.Terminal))
		for _, set := range route.MatcherSets {
			s.matchers(set)
		}
		for _, handler := range route.Handlers {
			if handler == caddyhttp.MiddlewareHandler(s.self) {
				return true
			}
			s.write("handler", moduleID(handler))
			if sub, ok := handler.(*caddyhttp.Subroute); ok && s.routes(sub.Routes) {
				return true
			}
		}
	}
	return false
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
		settings = []byte(err.Error())
	}
	return moduleID(matcher) + " " + string(settings)
}

func moduleID(v any) string {
	if module, ok := v.(caddy.Module); ok {
		return string(module.CaddyModule().ID)
	}
	return fmt.Sprintf("%T", v)
}
