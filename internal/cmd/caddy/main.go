// Command caddy is Caddy with its standard modules and Headstart. It is what
// xcaddy would build, made from this module's own go.mod, so that tests and
// examples need nothing but Go.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/headstart-proxy/headstart"
)

func main() {
	caddycmd.Main()
}
