package hints

import "strings"

// Parse returns the Links in the values of Link header fields that can be hints (RFC
// 8288 section 3, read as appendix B.2 says). What is behind a mistake in a field is
// left out, and so is what is said of another page than the one that comes.
func Parse(values []string) (links []Link) {
	for _, value := range values {
		p := parser{rest: value}
		for len(links) < maxParsed && p.next() {
			links = append(links, p.links()...)
		}
	}
	return links
}

// maxParsed is how many Links are read, at most.
const maxParsed = 64

// parser reads one field value.
type parser struct {
	rest string

	// The last link-value.
	target     string
	parameters [][2]string // names in lower case, and values
}

// next reads a link-value. It reports false at the end, and at a mistake.
func (p *parser) next() bool {
	p.rest = strings.TrimLeft(p.rest, " \t,")
	rest, found := strings.CutPrefix(p.rest, "<")
	if !found {
		return false
	}
	if p.target, p.rest, found = strings.Cut(rest, ">"); !found {
		return false
	}
	p.parameters = p.parameters[:0]
	for {
		p.space()
		switch {
		case p.rest == "" || p.rest[0] == ',':
			return true
		case p.rest[0] != ';':
			return false
		}
		p.rest = p.rest[1:]
		if !p.parameter() {
			return false
		}
	}
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

// parameter reads a name, and a value if there is one. An empty one is no mistake.
func (p *parser) parameter() bool {
	p.space()
	end := strings.IndexAny(p.rest+";", " \t=;,")
	name := strings.ToLower(p.rest[:end])
	p.rest = p.rest[end:]
	p.space()
	value, ok := "", true
	if after, found := strings.CutPrefix(p.rest, "="); found {
		p.rest = after
		p.space()
		value, ok = p.value()
	}
	if name != "" {
		p.parameters = append(p.parameters, [2]string{name, value})
	}
	return ok
}

// value reads a token, or a quoted string (RFC 9110 section 5.6.4). It reports false if
// that does not end.
func (p *parser) value() (string, bool) {
	rest, quoted := strings.CutPrefix(p.rest, `"`)
	if !quoted {
		end := strings.IndexAny(p.rest+";", ";,")
		value := strings.TrimRight(p.rest[:end], " \t")
		p.rest = p.rest[end:]
		return value, true
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			p.rest = rest[i+1:]
			return b.String(), true
		case '\\':
			if i++; i == len(rest) {
				return "", false
			}
		}
		b.WriteByte(rest[i])
	}
	return "", false
}

// links returns the Links of a link-value, one for each rel. Of a parameter that is given
// twice the first counts (RFC 8288 section 3.3 and 3.4).
func (p *parser) links() (links []Link) {
	l := Link{Target: strings.Trim(p.target, " \t")}
	rels := ""
	given := make(map[string]bool)
	for _, parameter := range p.parameters {
		name, value := parameter[0], parameter[1]
		switch {
		case given[name]:
			continue
		case name == "anchor":
			return nil
		case name == "rel":
			rels = strings.ToLower(value)
		case name == "crossorigin":
			l.CrossOrigin = corsState(value)
		case name == "nonce": // of the response that it came with
		default:
			for _, f := range l.fields() {
				if f.name == name {
					*f.value = value
				}
			}
		}
		given[name] = true
	}
	for rel := range strings.FieldsSeq(rels) {
		l.Rel = rel
		if normal, ok := l.normal(); ok {
			links = append(links, normal)
		}
	}
	return links
}
