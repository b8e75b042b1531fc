// Package caddyfile adapts the Caddyfile directive headstart to the JSON
// configuration of the handler in package module, and nothing else.
//
// It guarantees: an unknown, doubled or malformed option is an error that names
// the option, its line and what is allowed; defaults stay out of the JSON.
package caddyfile
