package caddyfile

import (
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/headstart-proxy/headstart/module"
)

// parseHints reads the block of the option hints, or its only word off, into handler.
func parseHints(h httpcaddyfile.Helper, handler *module.Handler, args []string) error {
	o := new(module.Hints)
	handler.Hints = o
	if len(args) > 0 {
		if len(args) > 1 || args[0] != "off" {
			return h.Errf("headstart: hints takes a block of max, add and off, or the word off; got %q", args)
		}
		o.Off = true
	}
	empty := len(args) == 0
	for nesting := h.Nesting(); h.NextBlock(nesting); empty = false {
		option := h.Val()
		args := h.RemainingArgs()
		switch option {
		case "max":
			n, err := strconv.Atoi(single(args))
			switch {
			case o.Max != 0:
				return h.Errf("headstart: hints: max is given twice")
			case err != nil || n < 1 || n > module.MaxMaxHints:
				return h.Errf("headstart: hints: max takes one number from 1 to %d; got %q", module.MaxMaxHints, args)
			}
			o.Max = n

		case "add":
			if len(args) == 0 {
				return h.Errf("headstart: hints: add takes one or more Link values, each in quotes, such as \"</app.css>; rel=preload; as=style\"")
			}
			for _, value := range args {
				if slices.Contains(o.Add, value) {
					return h.Errf("headstart: hints: add: %q is given twice", value)
				}
				if err := module.CheckHint(value); err != nil {
					return h.Errf("headstart: hints: add, which takes Link values, each in quotes: %v", err)
				}
				o.Add = append(o.Add, value)
			}

		case "off":
			if len(args) != 0 || o.Off {
				return h.Errf("headstart: hints: off is given once, and takes no argument; got %q", args)
			}
			o.Off = true

		default:
			return h.Errf("headstart: hints: unknown option %q; known are max, add and off", option)
		}
	}
	if empty {
		return h.Errf("headstart: hints takes a block of max, add and off, or the word off; got nothing")
	}
	return nil
}
