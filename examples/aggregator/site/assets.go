package site

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/examples/aggregator/internal/pixelfont"
)

// assetPrefix is the path under which all static files are served.
const assetPrefix = "/assets/"

const fontFile = "footpath.ttf"

//go:embed assets
var assetFiles embed.FS

// assets are the static files. Their URLs hold a hash of the content, so that
// they may be cached for good.
type assets struct {
	urls    map[string]string // by file name
	content map[string][]byte // by URL
}

// loadAssets reads the embedded files and makes the others.
func loadAssets() (assets, error) {
	a := assets{urls: make(map[string]string), content: make(map[string][]byte)}
	for _, name := range []string{"theme.js", "reader.js", "icon.svg"} {
		content, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			return assets{}, fmt.Errorf("reading an asset: %w", err)
		}
		a.add(name, content)
	}
	a.add(fontFile, pixelfont.TrueType("Footpath Pixel"))

	core, err := assetFiles.ReadFile("assets/core.css")
	if err != nil {
		return assets{}, fmt.Errorf("reading an asset: %w", err)
	}
	core = bytes.ReplaceAll(core, []byte(assetPrefix+fontFile), []byte(a.urls[fontFile]))
	a.add("site.css", append(core, utilities()...))
	return a, nil
}

func (a assets) add(name string, content []byte) {
	sum := sha256.Sum256(content)
	extension := path.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	url := assetPrefix + stem + "." + hex.EncodeToString(sum[:5]) + extension
	a.urls[name] = url
	a.content[url] = content
}

// url returns the URL of the file called name, for templates.
func (a assets) url(name string) (template.URL, error) {
	url, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return template.URL(url), nil //nolint:gosec // our own name and a hash
}

// ServeHTTP sends the file at the request's path.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, ok := a.content[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", contentType(r.URL.Path))
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(content))
}

// contentType goes by the extension. Font types are missing from some systems'
// tables.
func contentType(file string) string {
	if extension := path.Ext(file); extension != ".ttf" {
		return mime.TypeByExtension(extension)
	}
	return "font/ttf"
}
