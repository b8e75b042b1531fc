package opening

import (
	"cmp"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
)

// maxVariants is how many combinations of the headers named by Vary one page may
// have.
const maxVariants = 8

// maxVary is on how many request headers a page may depend.
const maxVary = 16

// variant is what a page is for some values of the headers named by Vary.
type variant struct {
	key variantKey
	*Opening
}

// variantKey is a hash of the values: they may be long.
type variantKey [16]byte

// learnVary takes in the Vary of a response, and reports whether the response
// belongs to a variant of what is known. A page that turns out to depend on more is
// learned anew; in scope public, if two networks show it.
func (p *Page) learnVary(names []string, network uint64, rules Rules, now instant) bool {
	var more []string
	for _, name := range names {
		if !slices.Contains(p.vary, name) && name != "User-Agent" { // of which there are too many
			more = append(more, strings.Clone(name)) // it is a part of a header
		}
	}
	if len(more) == 0 {
		return true
	}
	if len(p.vary)+len(more) > maxVary { // they change from one response to the next
		return false
	}
	if len(p.variants) > 0 && !p.varies.confirm(network, rules, now) {
		return false
	}
	p.vary = append(p.vary, more...)
	p.forget()
	return true
}

// variant returns the key of the variant for a request.
func (p *Page) variant(h http.Header) variantKey {
	if len(p.vary) == 0 {
		return variantKey{}
	}
	b := make([]byte, 0, 256)
	for _, name := range p.vary {
		for _, value := range h[name] {
			b = append(append(b, value...), 0)
		}
		b = append(b, '\n') // in no header value
	}
	sum := sha256.Sum256(b)
	return variantKey(sum[:16])
}

// opening returns what is known of a variant, or nil.
func (p *Page) opening(key variantKey) *Opening {
	for _, v := range p.variants {
		if v.key == key {
			return v.Opening
		}
	}
	return nil
}

// add makes room for a variant. Those that are not learned give way first, the
// one with the fewest votes before others, then the oldest. In scope public a network
// has one variant that no other network has seen, and none takes the place of one that
// is learned and in use: then it returns nil.
func (p *Page) add(key variantKey, network uint64, rules Rules, now instant) *Opening {
	var out *Opening
	if rules.Public {
		who := uint32(network) //nolint:gosec // a part of it
		if i := slices.IndexFunc(p.variants, func(v variant) bool { return len(v.window) == 1 && v.window[0].network == who }); i >= 0 {
			out = p.variants[i].Opening
		}
	}
	if out == nil && len(p.variants) >= maxVariants {
		out = slices.MinFunc(p.variants, func(a, b variant) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.agreed, b.agreed))
		}).Opening
		if rules.Public && len(out.window) >= rules.LearnAfter && now.since(out.agreed) < rules.Expire {
			return nil
		}
	}
	if out != nil {
		out.drop(func(vote) bool { return true })
		p.variants = slices.DeleteFunc(p.variants, func(v variant) bool { return v.Opening == out })
	}
	o := new(Opening)
	p.variants = append(p.variants, variant{key, o})
	return o
}
