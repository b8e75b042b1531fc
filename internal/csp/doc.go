// Package csp reads Content Security Policies as far as early flushing needs:
// which nonces a policy carries, and whether it lets the recovery script run. It
// also replaces nonces, in policies and wherever they stand in a page.
//
// It guarantees: Permit changes a policy only by adding the given nonce to what
// its scripts are already held to, so the page itself may do nothing more than
// before; where that is not possible it says so. A Replacer gives the same page
// for any chunks, and holds back nothing but the beginning of a nonce. It follows
// CSP Level 3, sections 2.2 (parsing), 2.3.1 (nonces) and 6.7.1 (script
// directives).
package csp
