package django

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// visitLimit bounds one visit, so that a page that never comes fails the test.
const visitLimit = 20 * time.Second

// visitor is a browser as far as the tests need one.
type visitor struct {
	client *http.Client
}

// newVisitor makes a visitor without cookies; one that accepts gzip gets its
// pages decoded.
func newVisitor(t *testing.T, gzip bool) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		DisableCompression: !gzip,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // Caddy's own authority
		ForceAttemptHTTP2:  true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{client: &http.Client{
		Transport: transport,
		Jar:       jar,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// page is a response that has been read to its end.
type page struct {
	status int
	header http.Header
	body   string
}

// open sends a navigation. Host may name another host than the URL's.
func (v *visitor) open(ctx context.Context, t *testing.T, target, host string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	setNavigation(req)
	return v.send(t, req)
}

// get reads a page to its end.
func (v *visitor) get(t *testing.T, target string) page {
	t.Helper()
	return v.getAs(t, target, "")
}

// getAs reads a page as it is under another host name.
func (v *visitor) getAs(t *testing.T, target, host string) page {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
	defer cancel()
	return read(t, v.open(ctx, t, target, host))
}

// post sends a form.
func (v *visitor) post(t *testing.T, target string, form url.Values) page {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	setNavigation(req)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return read(t, v.send(t, req))
}

func (v *visitor) send(t *testing.T, req *http.Request) *http.Response {
	t.Helper()
	resp, err := v.client.Do(req)
	if err != nil {
		t.Fatalf("no response header: %v", err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func setNavigation(req *http.Request) {
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("Upgrade-Insecure-Requests", "1")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Site", "none")
	req.Header.Set("Sec-Fetch-User", "?1")
}

func read(t *testing.T, resp *http.Response) page {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: reading the body: %v", resp.Request.URL, err)
	}
	return page{status: resp.StatusCode, header: resp.Header, body: string(body)}
}

// readUntil reads lines until one holds the mark, and returns all of them.
func readUntil(t *testing.T, body *bufio.Reader, mark string) string {
	t.Helper()
	var text strings.Builder
	for !strings.Contains(text.String(), mark) {
		line, err := body.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			t.Fatalf("no %q in what could be read, %q: %v", mark, text.String(), err)
		}
	}
	return text.String()
}

// readRest reads what is left of a page, which must end well.
func readRest(t *testing.T, body io.Reader) string {
	t.Helper()
	rest, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("reading the rest of the page: %v", err)
	}
	return string(rest)
}

var padding = regexp.MustCompile(`^(<!doctype html>\n)\s+(<html)`)

// unpad takes out the white space with which Headstart fills up a short opening.
func unpad(body string) string {
	return padding.ReplaceAllString(body, "$1$2")
}
