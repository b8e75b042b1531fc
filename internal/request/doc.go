// Package request holds the rules for requests: which may be answered early,
// which may be learned from, and under which key.
//
// It guarantees: Inspect allows a commit only for a document navigation that
// carries nothing that could shape a page unseen, apart from cookies and ignored
// query parameters; it allows learning only where those are absent too; a Key
// never joins two handlers, network scopes, schemes or hosts.
//
// The rules are tables, each row with the attack that it closes: rules.go is the
// screen that a reviewer reads. trust.go says what an operator can never declare
// harmless, crawlers.go which programs are taken for visitors.
package request
