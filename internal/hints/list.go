package hints

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Limits of the values that go out together: a header that is sent with every response
// should fit the first packet, and what is hinted competes with what is not.
const (
	DefaultCount = 8
	MaxCount     = 32
	MaxBytes     = 1 << 10
)

// List collects Link values that go out together, as they come: each download once, and
// not too many.
type List struct {
	Host, Page string // of the page: its host, and its path as the visitor sent it
	Max        int    // values, at most; MaxBytes in all in any case

	keys   []string // of what is in the list, or need not be
	values []string
	size   int
}

// Has notes that values are said already, elsewhere.
func (l *List) Has(values ...string) {
	for _, value := range values {
		l.keys = append(l.keys, l.key(value))
	}
}

// Add adds those of some values that are not there yet. One that is too long, or too much,
// is passed over.
func (l *List) Add(values ...string) {
	if room := min(len(values), l.Max-len(l.values)); room > 0 {
		l.keys, l.values = slices.Grow(l.keys, room), slices.Grow(l.values, room)
	}
	for _, value := range values {
		if len(l.values) >= l.Max || l.size+len(value) > MaxBytes {
			continue
		}
		key := l.key(value)
		if slices.Contains(l.keys, key) {
			continue
		}
		l.keys, l.values = append(l.keys, key), append(l.values, value)
		l.size += len(value)
	}
}

// Values returns what is in the list.
func (l *List) Values() []string { return l.values }

// key returns what is fetched only once, of a value that String has written: its URL, as
// the page reads it.
func (l *List) key(value string) string {
	target, rest, _ := strings.Cut(strings.TrimPrefix(value, "<"), ">")
	if strings.HasPrefix(rest, "; rel="+Preconnect) {
		return value
	}
	return l.Resolve(target)
}

// Resolve returns a target as a path, if it is one of the page's host.
func (l *List) Resolve(target string) string {
	if rest, absolute := strings.CutPrefix(strings.TrimPrefix(target, "https:"), "//"); absolute {
		if path, own := strings.CutPrefix(rest, l.Host); own && strings.HasPrefix(path, "/") {
			target = path
		}
	}
	if strings.HasPrefix(target, "/") && !strings.Contains(target, "/.") {
		return target
	}
	page, err := url.Parse(l.Page)
	if err != nil {
		return target
	}
	u, err := page.Parse(target)
	if err != nil {
		return target
	}
	return u.String()
}

// Declare reads the one Link value that an operator declares, and returns it.
func Declare(value string) (Link, error) {
	p := parser{rest: value}
	if !p.next() || p.rest != "" {
		return Link{}, errors.New("it is not one Link value, such as </app.css>; rel=preload; as=style")
	}
	links := p.links()
	if len(links) == 1 {
		return links[0], nil
	}
	l := Link{Target: p.target}
	rel := ""
	for _, parameter := range p.parameters {
		switch parameter[0] {
		case "rel":
			rel = strings.ToLower(parameter[1])
		case "as":
			l.As = parameter[1]
		case "crossorigin":
			l.CrossOrigin = corsState(parameter[1])
		}
	}
	switch {
	case !plain(l.Target):
		return l, fmt.Errorf("%q is no target; use a path or an https URL in printable ASCII", l.Target)
	case rel != Preload && rel != ModulePreload && rel != Preconnect:
		return l, fmt.Errorf("rel is %q; use preload, modulepreload or preconnect", rel)
	case rel == Preconnect:
		return l, fmt.Errorf("%q is no origin to connect to; use one such as https://cdn.example", l.Target)
	case rel == Preload && !destinations[strings.ToLower(l.As)]:
		return l, fmt.Errorf("as is %q; use style, script, font, image, fetch or track", l.As)
	case strings.EqualFold(l.As, "font") && l.CrossOrigin != anonymous:
		return l, errors.New("fonts are fetched with crossorigin; add it")
	}
	return l, errors.New("no browser would use it: media is print, or a parameter cannot be written")
}
