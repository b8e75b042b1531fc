package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/dustin/go-humanize"

	"github.com/headstart-proxy/headstart/module"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("headstart", parseGlobal)
}

// parseGlobal sets up what all handlers share from the global option. Syntax:
//
//	{
//	    headstart {
//	        max_memory <size>
//	    }
//	}
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next() // consume the option name
	if existing != nil {
		return nil, d.Err("headstart: the global option is given twice")
	}
	if d.NextArg() {
		return nil, d.ArgErr()
	}
	app := new(module.App)
	for d.NextBlock(0) {
		option, args := d.Val(), d.RemainingArgs()
		if option != "max_memory" {
			return nil, d.Errf("headstart: unknown global option %q; known is max_memory", option)
		}
		if app.MaxMemory != 0 {
			return nil, d.Errf("headstart: %s is given twice", option)
		}
		n, err := humanize.ParseBytes(single(args))
		if err != nil || n < module.MinMaxMemory || n > module.MaxMaxMemory {
			return nil, d.Errf("headstart: max_memory takes one size from 1MiB to 64GiB, such as 64MiB; got %q", args)
		}
		app.MaxMemory = int64(n)
		if nesting := d.Nesting(); d.NextBlock(nesting) {
			return nil, d.Errf("headstart: %s takes no block", option)
		}
	}
	return httpcaddyfile.App{Name: "headstart", Value: caddyconfig.JSON(app, nil)}, nil
}
