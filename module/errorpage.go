package module

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/recovery"
)

// maxErrorPage is the most bytes of a handle_errors page that are shown.
const maxErrorPage = 256 << 10

// fail handles an error that inner handlers returned before any header. Returned
// on, it would put a second response behind the opening, so it ends here.
func (j *joiner) fail(err error) {
	x := j.x
	status := statusOf(err)
	x.surprise = "an error"
	j.logLost(err)
	if status < 500 && status != http.StatusTooManyRequests {
		j.reload() // its page and status are the site's own matter
		return
	}
	x.status = status
	j.showError(status, err)
}

// showError ends the response with the site's error page, or a short one, as a
// complete document. err is what handle_errors gets to see.
func (j *joiner) showError(status int, err error) {
	if j.abandonCrawler() {
		return
	}
	j.demote()
	j.x.outcome = failed
	j.state = dropping
	if err == nil {
		err = caddyhttp.Error(status, nil)
	}
	page := j.routedError(err)
	if page == nil {
		page = recovery.ErrorPage(status, nil)
	}
	j.clear()
	if err := j.emit(page); err != nil {
		j.x.outcome = canceled
	}
}

// clear takes what was sent of a body out of the page, if it can be, for the error
// page to take its place.
func (j *joiner) clear() {
	for _, part := range j.splicer.Clear() {
		if len(part.Edits) > 0 && j.early.permission.Script {
			part.Bytes = append(part.Bytes, j.repair(part.Edits, true)...)
		}
		_ = j.emit(part.Bytes) // an error shows again with the page
	}
}

// routedError runs the site's handle_errors routes on a writer of our own, and
// returns their page, or nil if there is none that can be shown. Inside a
// document that has begun, only HTML and plain text can.
func (j *joiner) routedError(err error) []byte {
	r := j.x.r
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Errors == nil || len(server.Errors.Routes) == 0 {
		return nil
	}
	r = server.Errors.WithError(restored(r), err)
	page := &pageWriter{header: j.commitment.base.Clone()}
	chain := server.Errors.Routes.Compile(caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil }))
	if err := chain.ServeHTTP(page, r); err != nil || page.body == nil || page.full {
		return nil
	}
	if _, sets := page.header["Set-Cookie"]; sets || page.header.Get("Content-Encoding") != "" {
		return nil
	}
	mediaType, charset := opening.ContentType(page.header.Get("Content-Type"))
	if _, committed := opening.ContentType(j.commitment.header.Get("Content-Type")); charset != "" && charset != committed {
		return nil
	}
	switch mediaType {
	case "text/html":
		return append(recovery.NoIndex(), page.body...)
	case "text/plain", "":
		return recovery.ErrorPage(statusOf(err), page.body)
	}
	return nil
}

// restored returns the request as Caddy's server gives it to error routes: with
// the URL as it was before any rewrite.
func restored(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.Header = r.Header.Clone()
	r.Header["Accept-Encoding"] = []string{"identity"} // it becomes a part of a document
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		u := *original.URL
		r.Method, r.RemoteAddr, r.RequestURI, r.URL = original.Method, original.RemoteAddr, original.RequestURI, &u
	}
	return r
}

// pageURL returns the URL of the page as the visitor sees it.
func (x *exchange) pageURL() *url.URL {
	u := &url.URL{Scheme: "http", Host: x.r.Host}
	if x.r.TLS != nil {
		u.Scheme = "https"
	}
	if trusted, _ := caddyhttp.GetVar(x.r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		if scheme := x.r.Header.Get("X-Forwarded-Proto"); scheme != "" {
			u.Scheme = scheme
		}
		if host := x.r.Header.Get("X-Forwarded-Host"); host != "" {
			u.Host = host
		}
	}
	if original, ok := x.r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		u.Path, u.RawPath, u.RawQuery = original.URL.Path, original.URL.RawPath, original.URL.RawQuery
	}
	return u
}

// logLost logs an error that ends with a committed response, as Caddy's server
// would.
func (j *joiner) logLost(err error) {
	level := zapcore.DebugLevel
	if statusOf(err) >= 500 && !errors.Is(err, http.ErrAbortHandler) {
		level = zapcore.ErrorLevel
	}
	if c := j.x.h.logger.Check(level, "backend failed after the response was committed"); c != nil {
		c.Write(zap.Error(err), zap.Int("status", statusOf(err)), zap.String("host", j.x.r.Host), zap.String("uri", j.x.r.URL.Path))
	}
}

// pageWriter keeps a page in memory.
type pageWriter struct {
	header http.Header
	body   []byte
	full   bool // more came than is kept
}

func (w *pageWriter) Header() http.Header { return w.header }

func (w *pageWriter) WriteHeader(int) {}

func (w *pageWriter) Write(p []byte) (int, error) {
	if len(w.body)+len(p) > maxErrorPage {
		w.full = true
		return len(p), nil
	}
	w.body = append(w.body, p...)
	return len(p), nil
}
