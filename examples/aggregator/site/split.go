package site

import (
	"bytes"
	"log/slog"
	"net/http"
	"sync"
)

// SplitPath is the URL path of the index as a careful developer would make it
// fast by hand: the head, the masthead and what else is known without the feeds
// go out at once, the rest when they are read. It is the same document as the
// index, byte by byte.
//
// What that costs shows here, too: status and header are sent before anything
// is known of the feeds, so that this page could neither be a 404 nor a redirect,
// nor have a title that depends on them. That is why only the index has it.
const SplitPath = "/split"

// split shows the index in two parts. The template is the index's own: it is
// rendered up to where it first asks for the feeds. What stands before is sent
// then, and the page goes on when they are read.
func (s *site) split(w http.ResponseWriter, r *http.Request) {
	v := &visit{Request: r, w: w, session: s.sessions.read(r)}
	p := s.index(v)
	p.Canonical = origin + "/"
	var part bytes.Buffer
	p.planet = sync.OnceValue(func() *planet {
		_, _ = part.WriteTo(w)
		_ = http.NewResponseController(w).Flush()
		return s.load(r.Context())
	})
	s.prepare(v, &p)
	if err := s.render(&part, p); err != nil {
		s.Logger.Error("page is cut off", slog.String("path", r.URL.Path), slog.Any("error", err))
		panic(http.ErrAbortHandler) // else what was sent would look like a whole page
	}
	_, _ = part.WriteTo(w)
}
