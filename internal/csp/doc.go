// Package csp reads Content Security Policies as far as early flushing needs:
// whether a policy carries a nonce, and whether it lets the recovery script run.
//
// It guarantees: Permit changes a policy only by adding the given nonce to what
// its scripts are already held to, so the page itself may do nothing more than
// before; where that is not possible it says so. It follows CSP Level 3,
// sections 2.2 (parsing) and 6.7.1 (script directives).
package csp
