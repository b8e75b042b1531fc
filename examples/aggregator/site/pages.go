package site

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	randv2 "math/rand/v2"
	"net/http"
	"strings"
	"unicode/utf8"
)

const (
	planetName = "Planet Footpath"
	planetLine = "Walks, workshops, gardens and small machines, from people who write about them."

	maxUserName = 40 // characters
	maxFormSize = 4 << 10
)

// visit is one page request with all that its page may need.
type visit struct {
	*http.Request
	w       http.ResponseWriter
	session session
	planet  *planet
}

// view decides what a visit gets to see.
type view func(*visit) page

// page wraps v in what all pages share: the feeds are read, the session is
// looked up, and the page is written.
func (s *site) page(v view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormSize)
		at := &visit{Request: r, w: w, session: s.sessions.read(r), planet: s.load(r.Context())}
		if r.Context().Err() != nil {
			return // the visitor has left
		}
		if err := s.write(at, v(at)); err != nil {
			s.Logger.Error("page is not shown", slog.String("path", r.URL.Path), slog.Any("error", err))
			http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		}
	}
}

func (s *site) index(*visit) page {
	return page{Template: "index.html", Title: planetName, Description: planetLine}
}

func (s *site) feed(v *visit) page {
	f := v.planet.feed(v.PathValue("slug"))
	if f == nil {
		return s.notFound(v)
	}
	return page{
		Template:    "feed.html",
		Title:       f.Title + " on " + planetName,
		Description: f.Tagline,
		Feed:        f,
	}
}

func (s *site) entry(v *visit) page {
	e := v.planet.entry(v.PathValue("slug"))
	if e == nil {
		return s.notFound(v)
	}
	return page{
		Template:    "entry.html",
		Title:       e.Title + " by " + e.Author,
		Description: e.Summary(),
		Type:        "article",
		Entry:       e,
	}
}

// everChanging shows a random entry. A fresh id stands in front of the
// stylesheet, and a script's URL changes each time, as on a site whose cache
// busting went wrong.
func (s *site) everChanging(v *visit) page {
	if len(v.planet.Entries) == 0 {
		return s.notFound(v)
	}
	return page{
		Template:    "entry.html",
		Title:       "A random entry",
		Description: "Another one each time.",
		RequestID:   rand.Text(),
		Entry:       v.planet.Entries[randv2.IntN(len(v.planet.Entries))], //nolint:gosec // not a secret
	}
}

// loginForm needs a session for its token, so a visitor without one gets one.
func (s *site) loginForm(v *visit) page {
	if v.session.CSRF == "" {
		v.session = newSession("")
		if err := s.sessions.write(v.w, v.Request, v.session); err != nil {
			return s.failed(err)
		}
	}
	return page{Template: "login.html", Title: "Sign in to " + planetName}
}

// login signs in whoever gives a name; there is nothing here to protect.
func (s *site) login(v *visit) page {
	if !v.session.allows(v.Request) {
		return refused()
	}
	name := strings.TrimSpace(v.PostFormValue("name"))
	if name == "" || utf8.RuneCountInString(name) > maxUserName {
		return page{
			Template: "login.html",
			Status:   http.StatusUnprocessableEntity,
			Title:    "Sign in to " + planetName,
			Message:  fmt.Sprintf("Please give a name of 1 to %d characters.", maxUserName),
		}
	}
	if err := s.sessions.write(v.w, v.Request, newSession(name)); err != nil {
		return s.failed(err)
	}
	return page{Redirect: "/", Status: http.StatusSeeOther}
}

func (s *site) logout(v *visit) page {
	if !v.session.allows(v.Request) {
		return refused()
	}
	s.sessions.drop(v.w, v.Request)
	return page{Redirect: "/", Status: http.StatusSeeOther}
}

func (s *site) settings(v *visit) page {
	if v.session.User == "" {
		return page{Redirect: "/login", Status: http.StatusFound}
	}
	return page{Template: "settings.html", Title: "Your settings"}
}

// broken always fails.
func (s *site) broken(*visit) page {
	return errorPage()
}

func (s *site) notFound(*visit) page {
	return page{
		Template: "message.html",
		Status:   http.StatusNotFound,
		Title:    "Page not found",
		Message:  "There is no such page here. It may have moved with its feed.",
	}
}

// failed logs err and hides it behind the error page.
func (s *site) failed(err error) page {
	s.Logger.Error("page failed", slog.Any("error", err))
	return errorPage()
}

func errorPage() page {
	return page{
		Template: "message.html",
		Status:   http.StatusInternalServerError,
		Title:    "Something broke",
		Message:  "The page could not be made. This is our fault, not yours.",
	}
}

func refused() page {
	return page{
		Template: "message.html",
		Status:   http.StatusForbidden,
		Title:    "The form has expired",
		Message:  "Please load the page again and send the form once more.",
	}
}
