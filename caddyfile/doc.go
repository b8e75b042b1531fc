// Package caddyfile adapts the Caddyfile directive headstart, and the global option
// of the same name, to the JSON configuration of package module, and nothing else.
//
// It guarantees: an unknown, doubled or malformed option is an error that names
// the option, its line and what is allowed; defaults stay out of the JSON.
package caddyfile
