// Package rig is what the commands bench and soak are made of alike: a Caddy with
// Headstart as a child process, free ports, and visitors over HTTP/1.1, HTTP/2 and
// HTTP/3.
//
// The child is the command itself, see [BeChild]: so it needs no build of its own,
// and what was built with -race runs with it on both sides.
package rig
