package csp

import "strings"

// Header names under which policies are delivered.
const (
	Enforce    = "Content-Security-Policy"
	ReportOnly = "Content-Security-Policy-Report-Only"
)

// policy is one serialized policy, split but not judged.
type policy []directive

// directive is one directive: its name in lower case, its values as sent.
type directive struct {
	name   string
	values []string
}

// parse splits one serialized policy (CSP3 section 2.2.1). Of directives with
// the same name the first counts.
func parse(serialized string) policy {
	var p policy
	for part := range strings.SplitSeq(serialized, ";") {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			continue
		}
		if name := strings.ToLower(fields[0]); p.find(name) == nil {
			p = append(p, directive{name, fields[1:]})
		}
	}
	return p
}

func (p policy) find(name string) *directive {
	for i := range p {
		if p[i].name == name {
			return &p[i]
		}
	}
	return nil
}

// scripts returns the directive that governs inline script elements, or nil.
func (p policy) scripts() *directive {
	for _, name := range []string{"script-src-elem", "script-src", "default-src"} {
		if d := p.find(name); d != nil {
			return d
		}
	}
	return nil
}

// sandboxed reports whether the policy switches scripts off altogether, or takes
// the document out of its origin, where it has no cookies to set.
func (p policy) sandboxed() bool {
	d := p.find("sandbox")
	return d != nil && (!d.has("allow-scripts") || !d.has("allow-same-origin"))
}

func (d *directive) has(value string) bool {
	for _, v := range d.values {
		if strings.EqualFold(v, value) {
			return true
		}
	}
	return false
}

// allowsInline reports whether 'unsafe-inline' is in effect: a nonce, a hash or
// 'strict-dynamic' switches it off (CSP3 section 6.7.3.2).
func (d *directive) allowsInline() bool {
	inline := false
	for _, v := range d.values {
		v = strings.ToLower(v)
		switch {
		case v == "'unsafe-inline'":
			inline = true
		case v == "'strict-dynamic'", isNonce(v),
			strings.HasPrefix(v, "'sha256-"), strings.HasPrefix(v, "'sha384-"), strings.HasPrefix(v, "'sha512-"):
			return false
		}
	}
	return inline
}

func isNonce(value string) bool { return strings.HasPrefix(strings.ToLower(value), "'nonce-") }

// HasNonce reports whether one of the header values carries a nonce.
func HasNonce(values []string) bool {
	for _, value := range values {
		if strings.Contains(strings.ToLower(value), "'nonce-") {
			return true
		}
	}
	return false
}

// Own returns the first of some nonces that one of the policies holds for script
// elements, or "".
func Own(values, nonces []string) string {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			d := parse(part).scripts()
			for _, nonce := range nonces {
				if d != nil && d.has("'nonce-"+nonce+"'") {
					return nonce
				}
			}
		}
	}
	return ""
}

// Permit returns the header values with which an inline script that carries
// nonce may run, and whether that can be had. A header value may hold several
// policies, joined by commas; all of them apply. Policies that let the script
// run as they are stay unchanged, to the byte.
func Permit(values []string, nonce string) (permitted []string, ok bool) {
	permitted = make([]string, len(values))
	for i, value := range values {
		parts := strings.Split(value, ",")
		for j, part := range parts {
			p := parse(part)
			if p.sandboxed() {
				return nil, false
			}
			if d := p.scripts(); d == nil || d.allowsInline() || d.has("'nonce-"+nonce+"'") {
				continue
			}
			parts[j] = p.with(nonce)
		}
		permitted[i] = strings.Join(parts, ",")
	}
	return permitted, true
}

// Permits reports whether an inline script that carries nonce may run under the
// header values as they are.
func Permits(values []string, nonce string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			p := parse(part)
			d := p.scripts()
			if p.sandboxed() || d != nil && !d.allowsInline() && !d.has("'nonce-"+nonce+"'") {
				return false
			}
		}
	}
	return true
}

// with returns the policy with nonce added for script elements. script-src-elem
// is used so that nothing else (event handlers, eval, workers) changes; 'none'
// would make the list invalid and is dropped.
func (p policy) with(nonce string) string {
	governs := p.scripts()
	values := make([]string, 0, len(governs.values)+1)
	for _, v := range governs.values {
		if !strings.EqualFold(v, "'none'") {
			values = append(values, v)
		}
	}
	values = append(values, "'nonce-"+nonce+"'")
	if governs.name == "script-src-elem" {
		governs.values = values
	} else {
		p = append(p, directive{"script-src-elem", values})
	}
	return p.String()
}
