package csp

import "strings"

// Restricts reports whether a serialized policy says what a page may fetch.
func Restricts(serialized string) bool { return len(parse(serialized).fetches()) > 0 }

// Fetching returns of header values what says what a page may fetch, as policies of
// their own, one for each. Those that hold a nonce are left out: it is not known before
// the response, or must not be used twice.
func Fetching(values []string) (policies []string) {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if p := parse(part).fetches(); len(p) > 0 && !HasNonce([]string{part}) {
				policies = append(policies, p.String())
			}
		}
	}
	return policies
}

// fetches returns the fetch directives (CSP3 section 6.1).
func (p policy) fetches() (fetches policy) {
	for _, d := range p {
		if strings.HasSuffix(d.name, "-src") || strings.HasSuffix(d.name, "-src-elem") {
			fetches = append(fetches, d)
		}
	}
	return fetches
}

// String serializes the policy.
func (p policy) String() string {
	var b strings.Builder
	for i, d := range p {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(d.name)
		for _, v := range d.values {
			b.WriteByte(' ')
			b.WriteString(v)
		}
	}
	return b.String()
}
