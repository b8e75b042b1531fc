// Package headstart is a Caddy module that makes slow HTML sites paint at
// once: it answers a page request with the part of the page that it already
// knows, then streams the rest from the backend as it comes.
//
// Import it for its side effects: it registers the HTTP handler
// http.handlers.headstart and the app headstart (package module), and the
// Caddyfile directive and global option headstart (package caddyfile).
//
//	xcaddy build --with github.com/headstart-proxy/headstart
package headstart

import (
	// The Caddyfile directive; it imports the handler itself.
	_ "github.com/headstart-proxy/headstart/caddyfile"
	// The handler, named here too so that it does not depend on the directive.
	_ "github.com/headstart-proxy/headstart/module"
)
