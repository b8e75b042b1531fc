package opening

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// maxVariants is how many combinations of the headers named by Vary one page may
// have.
const maxVariants = 8

// variant is what a page is for some values of the headers named by Vary.
type variant struct {
	key string
	*Opening
}

// learnVary takes in the Vary of a response, and reports whether the response
// belongs to a variant of what is known. A page that turns out to depend on more is
// learned anew; in scope public, if two networks show it.
func (p *Page) learnVary(names []string, network uint64, rules Rules, now instant) bool {
	unknown := func(name string) bool { return !slices.Contains(p.vary, name) }
	if !slices.ContainsFunc(names, unknown) {
		return true
	}
	if len(p.variants) > 0 && !p.varies.confirm(network, rules, now) {
		return false
	}
	for _, name := range names {
		if unknown(name) {
			p.vary = append(p.vary, name)
		}
	}
	p.forget()
	return true
}

// variant returns the key of the variant for a request.
func (p *Page) variant(h http.Header) string {
	if len(p.vary) == 0 {
		return ""
	}
	var b strings.Builder
	for _, name := range p.vary {
		for _, value := range h[name] {
			b.WriteString(value)
			b.WriteByte(0)
		}
		b.WriteByte('\n') // in no header value
	}
	return b.String()
}

// opening returns what is known of a variant, or nil.
func (p *Page) opening(key string) *Opening {
	for _, v := range p.variants {
		if v.key == key {
			return v.Opening
		}
	}
	return nil
}

// add makes room for a variant. Those that are not learned give way first, the
// one with the fewest votes before others, then the oldest.
func (p *Page) add(key string) *Opening {
	if len(p.variants) >= maxVariants {
		out := slices.MinFunc(p.variants, func(a, b variant) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.agreed, b.agreed))
		})
		out.drop(func(vote) bool { return true })
		p.variants = slices.DeleteFunc(p.variants, func(v variant) bool { return v == out })
	}
	o := new(Opening)
	p.variants = append(p.variants, variant{key, o})
	return o
}
