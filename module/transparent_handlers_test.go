package module_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTransparentInFrontOfOtherHandlers is TestTransparent with other handlers
// in place of reverse_proxy.
func TestTransparentInFrontOfOtherHandlers(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.php"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	php := startFastCGI(t)

	var sites strings.Builder
	for name, parts := range map[string][2]string{
		// respond is ordered before headstart; a route keeps its own order.
		"respond": {"\troute {", "\t@redirect header X-Redirect yes\n\trespond @redirect 302\n\trespond `" + html + "`\n\t}"},
		"files":   {"", "\troot " + root + "\n\tfile_server"},
		"php":     {"", "\troot " + root + "\n\tphp_fastcgi " + php + " {\n\t\tsplit .html .php\n\t}"},
	} {
		sites.WriteString(twins("raw_"+name, parts[0], parts[1]))
		sites.WriteString(twins("encoded_"+name, encode+parts[0], parts[1]))
	}
	x := trial{c: startCaddy(t, sites.String())}

	t.Run("respond", func(t *testing.T) {
		compareTwins(t, x, []string{"raw_respond", "encoded_respond"}, []transparencyCase{
			{name: "page", try: serving(nil), check: answers(200, html)},
			{name: "redirect", try: serving(nil, "X-Redirect", "yes"), check: answers(302, "")},
		}, []transparencyCase{
			{name: "HEAD", try: sending(nil, http.MethodHead, "", ""), check: answers(200, "")},
			{name: "POST", try: sending(nil, http.MethodPost, "", "body"), check: answers(200, html)},
		})
	})
	x.root = root
	t.Run("file_server", func(t *testing.T) {
		compareTwins(t, x, []string{"raw_files", "encoded_files"}, []transparencyCase{
			{name: "file", try: serving(nil), check: answers(200, html)},
			{name: "not found", try: removed(serving(nil)), check: answers(404, "")},
		}, []transparencyCase{
			{name: "HEAD", try: sending(nil, http.MethodHead, "", ""), check: answers(200, "")},
			{name: "POST", try: sending(nil, http.MethodPost, "", "body"), check: answers(405, "")},
			{name: "range", try: serving(nil, "Range", "bytes=5-9"), check: answers(206, html[5:10])},
			{name: "If-Range", try: serving(nil, "Range", "bytes=5-9", "If-Range", `"other"`), check: answers(200, html)},
			{name: "If-Modified-Since", try: serving(nil, "If-Modified-Since", fileTime.Format(http.TimeFormat)), check: answers(304, "")},
			{name: "If-None-Match", try: serving(nil, "If-None-Match", "*"), check: answers(304, "")},
		})
	})
	t.Run("php_fastcgi", func(t *testing.T) {
		compareTwins(t, x, []string{"raw_php", "encoded_php"}, []transparencyCase{
			{name: "page", try: sending(nil, http.MethodGet, "?a=b", ""), check: phpSaw("GET ", "?a=b", "")},
			{name: "front controller", try: removed(serving(nil)), check: phpSaw("GET ", "", ""), rewritten: true, negotiates: true},
		}, []transparencyCase{
			{name: "HEAD", try: sending(nil, http.MethodHead, "", ""), check: answers(200, "")},
			{name: "POST", try: sending(nil, http.MethodPost, "", upload), check: phpSaw("POST ", "", upload)},
			{name: "fetch", try: serving(nil, "Sec-Fetch-Mode", "cors", "Accept", "*/*"), check: phpSaw("GET ", "", "")},
		})
	})
}

// removed makes a try without the file.
func removed(try func(*testing.T, *trial) look) func(*testing.T, *trial) look {
	return func(t *testing.T, x *trial) look {
		// One of the twins has been here before.
		if err := os.Remove(filepath.Join(x.root, x.path)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return try(t, x)
	}
}

// phpSaw makes a check of what the FastCGI responder tells.
func phpSaw(method, query, body string) func(*testing.T, look) {
	return func(t *testing.T, l look) {
		t.Helper()
		line, _, _ := strings.Cut(l.Body, "\n")
		if l.Status != 200 || !strings.HasPrefix(line, method) || !strings.HasSuffix(line, ".html"+query) ||
			!strings.HasSuffix(l.Body, "\n\n"+body) {
			t.Errorf("status %d: %.400s", l.Status, l.Body)
		}
	}
}

// startFastCGI starts a FastCGI responder that tells what it saw: the request
// line, the variables and headers in order, an empty line, and the body.
func startFastCGI(t *testing.T) (addr string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- fcgi.Serve(listener, http.HandlerFunc(tellAll)) }()
	t.Cleanup(func() {
		listener.Close()
		if err := await(t, "the FastCGI responder", served); !errors.Is(err, net.ErrClosed) {
			t.Errorf("FastCGI responder: %v", err)
		}
	})
	return listener.Addr().String()
}

func tellAll(w http.ResponseWriter, r *http.Request) {
	var lines []string
	for name, value := range fcgi.ProcessEnv(r) {
		lines = append(lines, name+"="+value)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		lines = append(lines, fmt.Sprintf("%s: %q", name, r.Header[name]))
	}
	// Of the two twins, and of any two requests, the ports differ.
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "REMOTE_PORT=") || strings.HasPrefix(line, "SERVER_PORT=")
	})
	slices.Sort(lines)
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "%s %s\n%s\n\n%s", r.Method, r.URL.RequestURI(), strings.Join(lines, "\n"), body)
}
