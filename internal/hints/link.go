package hints

import (
	"net/url"
	"strings"
)

// Link is one download or connection that a page asks for (HTML Standard, section
// 4.2.4.5 "processing Link headers"). Links are comparable. What is "" is not said.
type Link struct {
	// Target is a path or an https URL, as the page writes it: printable ASCII without
	// what could end it in a header.
	Target string
	Rel    string // preload, modulepreload or preconnect
	As     string // what a preload fetches: style, script, font, image, …

	CrossOrigin    string // anonymous or use-credentials
	Integrity      string
	Type           string
	Media          string
	FetchPriority  string
	ImageSrcset    string
	ImageSizes     string
	ReferrerPolicy string
	Nonce          string // of the element; it stands for one that is new each time
}

// The rels of a Link.
const (
	Preload       = "preload"
	ModulePreload = "modulepreload"
	Preconnect    = "preconnect"
)

// String returns the Link header value, written anew from the fields.
func (l Link) String() string {
	var b strings.Builder
	b.WriteByte('<')
	b.WriteString(l.Target)
	b.WriteString(">; rel=")
	b.WriteString(l.Rel)
	for _, f := range l.fields() {
		switch {
		case *f.value == "":
			continue
		case f.value == &l.CrossOrigin && l.CrossOrigin == anonymous:
			b.WriteString("; crossorigin") // as everybody writes it
			continue
		}
		b.WriteString("; ")
		b.WriteString(f.name)
		b.WriteByte('=')
		if token(*f.value) {
			b.WriteString(*f.value)
		} else {
			b.WriteString(`"` + *f.value + `"`)
		}
	}
	return b.String()
}

// field is a parameter of a Link value.
type field struct {
	name  string
	value *string
}

// fields are all parameters beside rel, in the order in which they are written. Their
// names are those of the attributes of a link element, too.
func (l *Link) fields() [10]field {
	return [10]field{
		{"as", &l.As},
		{"crossorigin", &l.CrossOrigin},
		{"type", &l.Type},
		{"media", &l.Media},
		{"fetchpriority", &l.FetchPriority},
		{"integrity", &l.Integrity},
		{"referrerpolicy", &l.ReferrerPolicy},
		{"imagesrcset", &l.ImageSrcset},
		{"imagesizes", &l.ImageSizes},
		{"nonce", &l.Nonce},
	}
}

const (
	anonymous      = "anonymous"
	useCredentials = "use-credentials"
)

// What a preload may fetch (HTML Standard, section 4.6.7.19 "preload", translates).
var destinations = map[string]bool{"fetch": true, "font": true, "image": true, "script": true, "style": true, "track": true}

// normal returns a Link with its enumerated parameters spelled as the HTML Standard
// spells them, or ok false if it can be no hint: it is not whole, could not be written,
// or what it asks for cannot be told for sure.
func (l Link) normal() (_ Link, ok bool) {
	if !plain(l.Target) {
		return l, false
	}
	for _, f := range l.fields() {
		if *f.value = strings.Trim(*f.value, " \t\n\r\f"); !quotable(*f.value) {
			return l, false
		}
	}
	l.As = strings.ToLower(l.As)
	l.FetchPriority = strings.ToLower(l.FetchPriority)
	if l.FetchPriority != "high" && l.FetchPriority != "low" {
		l.FetchPriority = ""
	}
	l.ReferrerPolicy = strings.ToLower(l.ReferrerPolicy)
	if paints(l.Media) {
		l.Media = ""
	}
	switch l.Rel {
	case Preload:
		// A font is always fetched with CORS (CSS Fonts Level 4, section 11.5): without
		// crossorigin the hint would be for another request.
		ok = destinations[l.As] && (l.As != "font" || l.CrossOrigin == anonymous)
	case ModulePreload:
		ok = l.As == "" || l.As == "script"
		l.As, l.Media, l.Type = "", "", ""
	case Preconnect:
		l = Link{Target: l.Target, Rel: l.Rel, CrossOrigin: l.CrossOrigin}
		ok = l.foreign()
	}
	if l.As != "image" {
		l.ImageSrcset, l.ImageSizes = "", ""
	}
	return l, ok && !isPrint(l.Media)
}

// corsState returns the value of a crossorigin attribute or parameter as the HTML
// Standard reads it (section 2.5.4).
func corsState(value string) string {
	if strings.EqualFold(value, useCredentials) {
		return useCredentials
	}
	return anonymous
}

// paints reports whether media are all that a page is painted on.
func paints(media string) bool {
	return media == "" || strings.EqualFold(media, "all") || strings.EqualFold(media, "screen")
}

func isPrint(media string) bool { return strings.EqualFold(media, "print") }

// Soon reports whether the Link can be in a 103 response. There is no viewport yet to
// choose by, and no document with a policy: what depends on them is ignored by some
// browsers, with the parameter or with all of the Link, so that something else is fetched
// than the page asks for.
func (l Link) Soon() bool {
	return l.Media == "" && l.ImageSrcset == "" && l.ImageSizes == "" && l.ReferrerPolicy == "" && l.Nonce == ""
}

// WithImportMap returns the Link for a page with an import map. A modulepreload in front of
// one disables it in browsers that allow no module before (HTML Standard, section 8.1.6.2,
// before 2024); a preload with CORS makes the same request.
func (l Link) WithImportMap() Link {
	if l.Rel == ModulePreload {
		l.Rel, l.As = Preload, "script"
		if l.CrossOrigin == "" {
			l.CrossOrigin = anonymous
		}
	}
	return l
}

// foreign reports whether the target may be of another origin than the page.
func (l Link) foreign() bool {
	return strings.HasPrefix(l.Target, "https://") || strings.HasPrefix(l.Target, "//")
}

// Discreet reports whether a browser tells no more by the request than it would under
// a strict referrer policy (Referrer Policy, section 3), which a Link cannot know of.
func (l Link) Discreet() bool { return l.Rel == Preconnect || !l.foreign() }

// Request returns what of the Link decides which request it stands for.
func (l Link) Request() Link {
	return Link{Target: l.Target, Rel: l.Rel, As: l.As, CrossOrigin: l.CrossOrigin}
}

// Size is how many bytes the fields hold.
func (l Link) Size() int {
	n := len(l.Target) + len(l.Rel)
	for _, f := range l.fields() {
		n += len(*f.value)
	}
	return n
}

// key tells what the browser would fetch only once. base is the URL of the page, nil
// if there are many.
func (l Link) key(base *url.URL) string {
	target := l.Target
	if u, err := url.Parse(target); err == nil && base != nil {
		target = base.ResolveReference(u).String()
	}
	if l.Rel == Preconnect {
		return "connection " + l.CrossOrigin + " " + strings.TrimSuffix(target, "/")
	}
	return target
}

// Resolve returns the Link for other pages than the one at base: what is relative to
// it is not any more.
func (l Link) Resolve(base *url.URL) (_ Link, ok bool) {
	if l.foreign() || strings.HasPrefix(l.Target, "/") {
		return l, true
	}
	if base == nil || !strings.HasPrefix(base.Path, "/") {
		return l, false
	}
	l.Target, ok = join(&url.URL{Path: base.Path, RawPath: base.RawPath}, l.Target)
	return l, ok
}

// join resolves a target, if Go does that as browsers do: it escapes more, and knows no
// escaped dots (URL Standard, section 4.4).
func join(base *url.URL, target string) (string, bool) {
	u, err := url.Parse(target)
	if err != nil || strings.ContainsAny(target, "|'") || strings.Contains(strings.ToLower(target), "%2e") {
		return "", false
	}
	joined := base.ResolveReference(u).String()
	path, query, _ := strings.Cut(target, "?")
	last := path[strings.LastIndexByte(path, '/')+1:]
	same := last == "." || last == ".." || strings.Contains(joined, last) // as it was written
	return joined, same && strings.HasSuffix(joined, query) && plain(joined)
}

// maxParameter is how long the value of a parameter may be, in bytes.
const maxParameter = MaxBytes

// quotable reports whether a value can be written as a quoted string, by everybody's
// reading: printable ASCII without what ends or escapes one, or begins or ends a target.
func quotable(value string) bool {
	return len(value) <= maxParameter && only(value, func(c byte) bool {
		return c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>'
	})
}

// token reports whether a value needs no quotes (RFC 9110 section 5.6.2).
func token(value string) bool {
	return only(value, func(c byte) bool {
		return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	})
}

// plain reports whether a URL means the same in an attribute of any page and in a
// header: printable ASCII but for what ends a URI reference in a Link value (RFC 8288
// section 3) or is read as something else, and a path or an https URL. An http URL is
// upgraded or blocked on an https page.
func plain(url string) bool {
	return url != "" && only(url, func(c byte) bool { return c > ' ' && c < 0x7f && strings.IndexByte("<>\"\\^`{}#", c) < 0 }) &&
		(strings.HasPrefix(url, "https://") || !strings.Contains(strings.SplitN(url, "/", 2)[0], ":"))
}

func only(s string, which func(c byte) bool) bool {
	for _, c := range []byte(s) {
		if !which(c) {
			return false
		}
	}
	return true
}
