// Package module is the Caddy HTTP handler http.handlers.headstart.
//
// It guarantees: a response that was not committed early passes through
// unchanged; bytes sent early come only from responses to clean requests; after
// a commit the visitor ends up with the backend's page, or the page corrects
// itself in front of the visitor, or the connection is aborted; and no bad
// traffic ever fails a request.
//
// The app headstart has the options that all handlers share, see app.go. serve.go
// holds the whole of one request: decide, commit, next, splice, learn,
// report.
package module
