package document

import (
	"slices"
	"strings"
)

// Class says what may be sent before an item that comes late.
type Class uint8

// The classes. The zero value is the safest.
const (
	Barrier  Class = iota // nothing may pass it
	Readable              // scripts read it: all may pass but a script that does not wait
	Inert                 // anything may pass it
)

// Traits are what else matters of an item.
type Traits uint16

// The traits.
const (
	// Script is a script of any kind that the browser executes.
	Script Traits = 1 << iota
	// Runs is a script that runs as soon as it is parsed: inline, or external
	// without async, defer or module.
	Runs
	// Async is a script with the async attribute. It may run as soon as it is
	// there, may count on a body that an early head has not yet, and has no order.
	Async
	// Title is the page's title; ReadsTitle an inline script that contains .title.
	Title
	ReadsTitle
	// Styles is a style element or a stylesheet.
	Styles
	// Ordered is what works differently in another order.
	Ordered
	// Harmless is what does nothing if it stands in a page that has not got it:
	// white space, comments, preconnect and preload.
	Harmless
	// Nonce is set if the element, or one inside it, has a nonce attribute.
	Nonce
	// Charset is a meta element that names an encoding.
	Charset
	// Handler is an element with an event handler attribute.
	Handler
	// Fixed is what cannot be taken out of a page again: it has had its effect, or
	// would come back different. In a body: scripts, event handlers, iframe, object,
	// embed, base, http-equiv.
	Fixed
	// Policy is <meta http-equiv=content-security-policy>. It governs what
	// follows it, and so recovery too.
	Policy
	// Urgent is an img of a body that the page calls urgent: fetchpriority=high, not lazy,
	// and not one of several in a picture.
	Urgent
)

// Has reports whether the item has one of the traits.
func (i Item) Has(t Traits) bool { return i.Traits&t != 0 }

// The lists below are in the order of the table of classes. Names are in lower
// case; a * stands for any ending.
var (
	inertMetas = list("description", "keywords", "author", "robots", "googlebot", "bingbot", "generator", "theme-color",
		"og:*", "twitter:*", "article:*")
	inertRels = list("canonical", "alternate", "icon", "shortcut", "apple-touch-icon", "apple-touch-icon-precomposed",
		"mask-icon", "fluid-icon", "manifest", "next", "prev", "preconnect", "dns-prefetch", "prefetch")
	barrierMetas = list("viewport", "referrer", "color-scheme", "supported-color-schemes", "view-transition")
	harmlessRels = list("preconnect", "preload")

	// classicTypes are the types of classic scripts (MIME Sniffing Standard,
	// section 4.6 "JavaScript MIME type").
	classicTypes = list("", "application/ecmascript", "application/javascript", "application/x-ecmascript",
		"application/x-javascript", "text/ecmascript", "text/javascript", "text/javascript1.*", "text/jscript",
		"text/livescript", "text/x-ecmascript", "text/x-javascript")
	inertData = list("application/ld+json")
)

// classify looks an item up in the table of classes.
func classify(item Item, a attributes) (class Class, t Traits) {
	if len(a.nonces) > 0 {
		t |= Nonce
	}
	switch item.Kind {
	case Space, Comment:
		return Inert, t | Harmless
	case Child:
	default:
		return Barrier, t
	}
	switch item.Name {
	case "title":
		return Inert, t | Title
	case "meta":
		return classifyMeta(a, t)
	case "link":
		return classifyLink(a, t)
	case "script":
		return classifyScript(a, t)
	case "style":
		return Barrier, t | Styles | Ordered
	case "base":
		return Barrier, t | Ordered
	}
	return Barrier, t
}

func classifyMeta(a attributes, t Traits) (Class, Traits) {
	if a.names() != "" {
		t |= Charset
	}
	switch {
	case a.httpEquiv != nil:
		if strings.HasPrefix(strings.TrimSpace(lower(a.httpEquiv)), "content-security-policy") {
			t |= Policy
		}
		return Barrier, t | Ordered
	case a.charset != nil, barrierMetas.has(lower(a.name)), a.handler != nil:
		return Barrier, t
	case inertMetas.has(a.metaName()):
		return Inert, t
	}
	return Readable, t
}

func classifyLink(a attributes, t Traits) (Class, Traits) {
	rels := strings.Fields(lower(a.rel))
	if a.handler != nil {
		if slices.Contains(rels, "stylesheet") {
			t |= Ordered // preload turned stylesheet, too, is at its place when it is parsed
		}
		return Barrier, t
	}
	if slices.Contains(rels, "stylesheet") {
		return Barrier, t | Styles | Ordered
	}
	if len(rels) == 0 || a.blocking != nil {
		return Barrier, t
	}
	if harmlessRels.hasAll(rels) {
		t |= Harmless
	}
	if inertRels.hasAll(rels) {
		return Inert, t
	}
	return Barrier, t
}

func classifyScript(a attributes, t Traits) (Class, Traits) {
	kind := strings.Trim(lower(a.kind), " \t\n\r\f")
	if a.kind == nil && lower(a.language) != "" {
		kind = "text/" + lower(a.language)
	}
	external := a.src != nil
	switch {
	case classicTypes.has(kind):
		t |= Script | Ordered
		switch {
		case external && a.async != nil:
			t = t&^Ordered | Async
		case external && a.defers != nil:
		default:
			t |= Runs
		}
		if !external && a.readsTitle {
			t |= ReadsTitle
		}
	case kind == "module":
		t |= Script | Ordered
		if a.async != nil {
			t = t&^Ordered | Async
		}
	case kind == "importmap", kind == "speculationrules":
		t |= Script | Ordered
	case inertData.has(kind):
		return Inert, t
	default:
		return Readable, t
	}
	return Barrier, t
}

// slots are the rels of which one link is in effect.
var slots = list("canonical", "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "fluid-icon",
	"manifest", "next", "prev")

// slotOf returns what an item fills, "" if nothing.
func slotOf(item Item, a attributes) string {
	switch item.Name {
	case "title":
		return "title"
	case "meta":
		if name := a.metaName(); name != "" {
			return "meta " + name
		}
	case "link":
		for rel := range strings.FieldsSeq(lower(a.rel)) {
			if slots.has(rel) {
				return "link " + rel
			}
		}
	}
	return ""
}

// Visible reports whether scripts and styles commonly look at an attribute of
// <html>.
func Visible(key string) bool {
	switch key {
	case "class", "style", "dir", "lang", "hidden":
		return true
	}
	return strings.HasPrefix(key, "data-") || strings.HasPrefix(key, "on")
}

// PassedBy reports whether later, which stands behind item in the backend's page,
// may be sent before it.
func (i Item) PassedBy(later Item) bool {
	switch {
	case i.Has(Async | Harmless):
		return true // they have no order
	case i.Slot != "" && i.Slot == later.Slot:
		return false
	case i.Class == Inert:
		return !i.Has(Title) || !later.Has(ReadsTitle)
	case i.Class == Readable:
		return !later.Has(Runs | Async | Handler)
	}
	return false
}
