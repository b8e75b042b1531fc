// Package request holds the rules for requests: which may be answered early,
// which may be learned from, and under which key.
//
// It guarantees: Inspect allows a commit only for a document navigation that
// carries nothing that could shape a page unseen, apart from cookies and ignored
// query parameters; it allows learning only where those are absent too; a Key
// never joins two handlers, network scopes, schemes or hosts.
//
// The rules are tables, so that a reviewer can read them in one screen:
// navigation.go says what is a page navigation, clean.go what is clean.
package request
