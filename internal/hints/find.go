package hints

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/document"
)

// Sources are all that says what a page asks for.
type Sources struct {
	Items []document.Item // of its head
	Body  document.Body
	// Links are those of the response's header, and of 103 responses before it.
	Links []Link
	// Page is the URL of the page: its path, and its host if that is known; nil if there
	// are many.
	Page *url.URL
	// Unsure says that a base element may stand in the page that is not among the items;
	// ImportMap that an import map does.
	Unsure, ImportMap bool
}

// Hint is a Link, and where the page says it.
type Hint struct {
	Link
	// Item is the index of the element among the items, and Offset where it stands in
	// the body; -1 if it is not there.
	Item, Offset int

	rank     rank
	consumer bool
	key      string // what is fetched only once
}

// Find returns what a page asks for, the most urgent first, each once. If an element and
// something that only hints at it differ, the element says how the request is made.
func Find(s Sources) []Hint {
	c := collector{Sources: s}
	c.ImportMap = c.ImportMap || slices.ContainsFunc(s.Items, IsImportMap)
	c.strict = slices.ContainsFunc(s.Items, func(item document.Item) bool {
		return item.Slot == "meta referrer" && !LaxReferrer(item.Attribute("content"))
	})
	tags := c.tags()
	if c.readable() {
		if c.head() {
			c.body(tags)
		}
	}
	for _, l := range s.Links {
		if c.ImportMap {
			l = l.WithImportMap()
		}
		c.add(found{Link: l, rank: rankOf(l)}, -1, -1)
	}
	slices.SortStableFunc(c.hints, func(a, b Hint) int { return cmp.Compare(a.rank, b.rank) })
	return c.hints
}

// Asks reports whether an item of a head by itself asks for something that a Link can.
func Asks(item document.Item) bool {
	if item.Name != "link" && item.Name != "script" {
		return false
	}
	f, ok := element{item.Name, item.Attributes()}.asks(false)
	if !ok {
		return false
	}
	_, ok = f.normal()
	return ok
}

// rankOf returns the rank of a Link that a header holds.
func rankOf(l Link) rank {
	switch {
	case l.Rel == Preconnect:
		return connects
	case l.Rel == ModulePreload:
		return waits
	case l.As == "style" && l.Media == "":
		return blocking
	}
	return wanted
}

type collector struct {
	Sources
	strict bool     // the page tells others less of itself than a Link would
	base   *url.URL // of the elements that follow, nil if it is the page's
	hints  []Hint
}

// readable reports whether the elements make the requests that they seem to: no base is
// in doubt, and no policy of the document itself says what may be fetched.
func (c *collector) readable() bool {
	return !c.Unsure && !slices.ContainsFunc(c.Items, func(item document.Item) bool {
		return item.Has(document.Policy) && csp.Restricts(item.Attribute("content"))
	})
}

// head adds what stands in the head. It reports false if a base element is not plainly
// a URL: then nothing behind it can be told.
func (c *collector) head() bool {
	based := false
	for i, item := range c.Items {
		switch item.Name {
		case "base":
			if href := item.Attribute("href"); href != "" && !based {
				based = true
				if c.base = baseOf(href); c.base == nil {
					return false
				}
			}
		case "link", "script":
			if f, ok := (element{item.Name, item.Attributes()}).asks(c.ImportMap); ok {
				c.addElement(f, i, -1)
			}
		}
	}
	return true
}

// baseOf returns the URL of a base element, nil if it is not plainly one.
func baseOf(href string) *url.URL {
	href = strings.Trim(href, " \t\n\r\f")
	u, err := url.Parse(href)
	if err != nil || !plain(href) || !strings.HasPrefix(u.Path, "/") || u.Host != "" && u.Scheme == "" {
		return nil
	}
	return u
}

// rebase resolves a target if there is a base element in front of it.
func (c *collector) rebase(l *Link) bool {
	if c.base == nil || strings.HasPrefix(l.Target, "https://") {
		return true
	}
	if l.ImageSrcset != "" {
		return false
	}
	var ok bool
	l.Target, ok = join(c.base, l.Target)
	return ok
}

// tag is one of those in the body that may ask for something.
type tag struct {
	element
	document.Mark
}

// tags returns those of the body, up to a base element. An import map may be among them.
func (c *collector) tags() (tags []tag) {
	for _, m := range c.Body.Marks {
		switch {
		case m.Offset >= len(c.Body.Bytes), isBase(c.Body.Bytes[m.Offset:]):
			return tags
		case m.Traits&(document.Script|document.Urgent) == 0:
			continue
		}
		item := document.Item{Raw: c.Body.Bytes[m.Offset:]}
		t := tag{element{attrs: item.Attributes()}, m}
		c.ImportMap = c.ImportMap || m.Traits&document.Script != 0 && strings.EqualFold(t.value("type"), "importmap")
		tags = append(tags, t)
	}
	return tags
}

func isBase(tag []byte) bool { return len(tag) > 5 && bytes.EqualFold(tag[:5], []byte("<base")) }

func (c *collector) body(tags []tag) {
	for _, t := range tags {
		if f, ok := t.asksInBody(t.Traits, c.ImportMap); ok {
			c.addElement(f, -1, t.Offset)
		}
	}
}

// addElement adds what an element asks for, if a Link asks for the same.
func (c *collector) addElement(f found, item, offset int) {
	if c.rebase(&f.Link) && (!c.strict || f.Discreet()) {
		c.add(f, item, offset)
	}
}

// add adds a Link if it can be a hint, and joins it with what is there of the same
// request.
func (c *collector) add(f found, item, offset int) {
	l, ok := f.normal()
	if !ok {
		return
	}
	h := Hint{Link: l, Item: item, Offset: offset, rank: f.rank, consumer: f.consumer, key: l.key(c.Page)}
	i := slices.IndexFunc(c.hints, func(g Hint) bool { return g.key == h.key })
	if i < 0 {
		c.hints = append(c.hints, h)
		return
	}
	g := &c.hints[i]
	if h.consumer && !g.consumer {
		g.Link, g.consumer = h.Link, true
	}
	g.rank = min(g.rank, h.rank)
}

// LaxReferrer reports whether a referrer policy tells others no less than the default
// does (Referrer Policy, section 3).
func LaxReferrer(policy string) bool {
	switch strings.ToLower(strings.TrimSpace(policy)) {
	case "", "strict-origin-when-cross-origin", "origin-when-cross-origin", "no-referrer-when-downgrade", "unsafe-url", "default", "always":
		return true
	}
	return false
}
