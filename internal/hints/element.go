package hints

import (
	"mime"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/headstart-proxy/headstart/internal/document"
)

// rank says how urgent a Link is: the lowest goes first.
type rank uint8

const (
	blocking  rank = iota // nothing is painted before it
	connects              // little to send, and it starts what follows
	wanted                // the page says itself that it is urgent, or a header does
	waits                 // scripts that do not block
	secondary             // stylesheets of some media, scripts in a body
)

// What an attribute may be named that changes no request. An element with an attribute
// that is neither one of these nor known gives no hint.
var idle = map[string]bool{
	"async": true, "blocking": true, "class": true, "defer": true, "hreflang": true, "id": true, "lang": true,
	"nonce": true, "title": true, "alt": true, "width": true, "height": true, "decoding": true, "style": true,
	"role": true, "charset": true, "nomodule": true, "as": true, "itemprop": true,
}

// element is a start tag that may ask for something. Of attributes with the same name the
// first counts.
type element struct {
	name  string
	attrs []html.Attribute
}

// is reports whether the element has an attribute.
func (e element) is(key string) bool {
	return slices.ContainsFunc(e.attrs, func(a html.Attribute) bool { return a.Key == key })
}

// value returns the value of an attribute, trimmed, "" if there is none.
func (e element) value(key string) string {
	for _, a := range e.attrs {
		if a.Key == key {
			return strings.Trim(a.Val, " \t\n\r\f")
		}
	}
	return ""
}

// known reports whether all attributes are known to change no request, but for those
// that are read here.
func (e element) known(read ...string) bool {
	return !slices.ContainsFunc(e.attrs, func(a html.Attribute) bool {
		return !idle[a.Key] && !slices.Contains(read, a.Key) && !slices.Contains(fetching, a.Key) &&
			!strings.HasPrefix(a.Key, "data-") && !strings.HasPrefix(a.Key, "aria-") && !strings.HasPrefix(a.Key, "on")
	})
}

// fetching are the attributes that go into the Link under the same name.
var fetching = []string{"crossorigin", "integrity", "fetchpriority", "referrerpolicy"}

// link starts a Link for the element.
func (e element) link(rel, as, source string) Link {
	l := Link{Target: e.value(source), Rel: rel, As: as, Nonce: e.value("nonce")}
	for _, f := range l.fields() {
		if slices.Contains(fetching, f.name) {
			*f.value = e.value(f.name)
		}
	}
	if e.is("crossorigin") {
		l.CrossOrigin = corsState(l.CrossOrigin)
	}
	return l
}

// found is what an element asks for. It may be no hint yet: see Link.normal.
type found struct {
	Link
	rank     rank
	consumer bool // it uses what it fetches; the request is as it says, whatever else hints at it
}

// asks returns what an element of a head asks for, if it can be told for sure.
func (e element) asks(importMap bool) (found, bool) {
	switch e.name {
	case "link":
		return e.asksAsLink(importMap)
	case "script":
		return e.asksAsScript(importMap)
	}
	return found{}, false
}

func (e element) asksAsLink(importMap bool) (f found, ok bool) {
	rels := strings.Fields(strings.ToLower(e.value("rel")))
	has := func(rel string) bool { return slices.Contains(rels, rel) }
	switch {
	case !e.known("rel", "href", "type", "media", "imagesrcset", "imagesizes"):
		return found{}, false
	case has("stylesheet"):
		// An alternate one is fetched late or not at all, and so may be one with a title
		// (CSSOM, section 6.2).
		if has("alternate") || e.is("disabled") || e.value("title") != "" || !isCSS(e.value("type")) {
			return found{}, false
		}
		f = found{Link: e.link(Preload, "style", "href"), rank: blocking, consumer: true}
		if f.Media = e.value("media"); !paints(f.Media) {
			f.rank = secondary
		}
	case has(Preload):
		f = found{Link: e.link(Preload, e.value("as"), "href"), rank: wanted}
		f.Type, f.Media, f.ImageSrcset, f.ImageSizes = e.value("type"), e.value("media"), e.value("imagesrcset"), e.value("imagesizes")
	case has(ModulePreload):
		if as := e.value("as"); as != "" && !strings.EqualFold(as, "script") || e.value("media") != "" {
			return found{}, false
		}
		f = found{Link: e.module("href", importMap), rank: waits}
	case has(Preconnect):
		f = found{Link: e.link(Preconnect, "", "href"), rank: connects}
	default:
		return found{}, false
	}
	return f, true
}

// scriptTypes are the types of classic scripts that pages use. Others are not hinted.
var scriptTypes = map[string]bool{"": true, "text/javascript": true, "application/javascript": true, "application/x-javascript": true}

func (e element) asksAsScript(importMap bool) (f found, ok bool) {
	kind := strings.ToLower(e.value("type"))
	switch {
	case !e.is("src"), !e.known("src", "type"):
		return found{}, false
	case kind == "module":
		return found{Link: e.module("src", importMap), rank: waits, consumer: true}, true
	case !scriptTypes[kind], e.is("nomodule"):
		return found{}, false
	}
	f = found{Link: e.link(Preload, "script", "src"), rank: blocking, consumer: true}
	if e.is("async") || e.is("defer") {
		f.rank = waits
	}
	return f, true
}

// module starts a Link for a module.
func (e element) module(source string, importMap bool) Link {
	l := e.link(ModulePreload, "", source)
	if importMap {
		return l.WithImportMap()
	}
	return l
}

// asksInBody returns what an element of a body asks for, by its traits: a script, or an
// image that the page calls urgent.
func (e element) asksInBody(t document.Traits, importMap bool) (f found, ok bool) {
	if t&document.Script != 0 {
		f, ok = e.asksAsScript(importMap)
		f.rank = secondary
		return f, ok
	}
	if !e.known("src", "srcset", "sizes", "loading", "usemap", "ismap", "border") {
		return found{}, false
	}
	f = found{Link: e.link(Preload, "image", "src"), rank: wanted, consumer: true}
	f.ImageSrcset, f.ImageSizes = e.value("srcset"), e.value("sizes")
	return f, true
}

// isCSS reports whether the type of a stylesheet is one that browsers fetch.
func isCSS(value string) bool {
	kind, _, err := mime.ParseMediaType(value)
	return value == "" || err == nil && kind == "text/css"
}

// IsImportMap reports whether an item is an import map.
func IsImportMap(item document.Item) bool {
	return item.Name == "script" && strings.EqualFold(strings.TrimSpace(item.Attribute("type")), "importmap")
}
