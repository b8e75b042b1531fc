package site

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// origin is the public address that canonical links and og: metas give. It is
// the same behind every front end, as it is in production.
const origin = "https://planet.example.org"

//go:embed templates
var templateFiles embed.FS

// templates are the pages by file name, each joined with the layout.
type templates map[string]*template.Template

func parseTemplates(files assets) (templates, error) {
	layout, err := template.New("layout.html").Funcs(template.FuncMap{
		"asset":      files.url,
		"day":        func(t time.Time) string { return t.Format("2 January 2006") },
		"machine":    func(t time.Time) string { return t.Format(time.RFC3339) },
		"planetLine": func() string { return planetLine },
		"planetName": func() string { return planetName },
	}).ParseFS(templateFiles, "templates/layout.html", "templates/parts/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the layout: %w", err)
	}
	names, err := templateFiles.ReadDir("templates/pages")
	if err != nil {
		return nil, fmt.Errorf("listing the pages: %w", err)
	}
	all := make(templates)
	for _, file := range names {
		page, err := layout.Clone()
		if err == nil {
			page, err = page.ParseFS(templateFiles, path.Join("templates/pages", file.Name()))
		}
		if err != nil {
			return nil, fmt.Errorf("parsing page %s: %w", file.Name(), err)
		}
		all[file.Name()] = page
	}
	return all, nil
}

// page is what a view returns, and what its template gets. Everything after
// Redirect is filled in when it is written.
type page struct {
	Template    string
	Status      int // default: 200
	Title       string
	Description string
	Type        string // og:type; default: website
	Message     string
	RequestID   string
	Feed        *feed
	Entry       *entry
	Redirect    string // instead of a page

	Canonical string
	Nonce     string
	Session   session
	planet    func() *planet
}

// Planet is what the templates call for the feeds and entries.
func (p page) Planet() *planet { return p.planet() }

// write sends p as the answer to v.
func (s *site) write(v *visit, p page) error {
	p.Status = cmp.Or(p.Status, http.StatusOK)
	if p.Redirect != "" {
		http.Redirect(v.w, v.Request, p.Redirect, p.Status)
		return nil
	}
	p.planet = func() *planet { return v.planet }
	s.prepare(v, &p)
	// Rendered as a whole first, so that an error can still become a 500.
	var body bytes.Buffer
	if err := s.render(&body, p); err != nil {
		return err
	}
	v.w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	v.w.WriteHeader(p.Status)
	_, _ = body.WriteTo(v.w)
	return nil
}

// prepare fills in what all pages have, and sets the header of the answer. It
// does not look at the feeds.
func (s *site) prepare(v *visit, p *page) {
	p.Type = cmp.Or(p.Type, "website")
	p.Description = cmp.Or(p.Description, planetLine)
	p.Canonical = cmp.Or(p.Canonical, origin+v.URL.EscapedPath())
	p.Session = v.session

	header := v.w.Header()
	if s.CSPNonce {
		p.Nonce = newNonce()
		header.Set("Content-Security-Policy", policy(p.Nonce))
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Vary", "Cookie")
	header.Set("X-Content-Type-Options", "nosniff")
	if v.session.User != "" {
		header.Set("Cache-Control", "private, no-cache")
	}
}

// render writes the document of p.
func (s *site) render(w io.Writer, p page) error {
	tmpl, ok := s.templates[p.Template]
	if !ok {
		return fmt.Errorf("no template %q", p.Template)
	}
	if err := tmpl.Execute(w, p); err != nil {
		return fmt.Errorf("rendering %s: %w", p.Template, err)
	}
	return nil
}

// newNonce is 144 random bits in standard base64. It may hold '+' and '/';
// html/template writes '+' as &#43;.
func newNonce() string {
	var bits [18]byte
	_, _ = rand.Read(bits[:]) // never fails
	return base64.StdEncoding.EncodeToString(bits[:])
}

// policy allows the site's own files, and scripts by nonce.
func policy(nonce string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'nonce-" + nonce + "'",
		"style-src 'self'",
		"font-src 'self'",
		"img-src 'self'",
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}
