package stage

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// A Document answers with a page in one piece, as frameworks do that render a page in
// full.
type Document struct {
	page    *Page
	nonces  bool
	chunked bool
	numbers atomic.Uint64
	buffers sync.Pool // of *[]byte: the backend shares the machine with what is measured
}

// NewDocument returns what answers with the usual page. With nonces, each answer has a
// nonce of its own, in the page and in its policy. Without a Content-Length it is
// chunked on HTTP/1.1.
func NewDocument(nonces, withLength bool) *Document {
	return &Document{page: NewPage(PageSize, nonces), nonces: nonces, chunked: !withLength}
}

// Page returns what it answers with.
func (d *Document) Page() *Page { return d.page }

// ServeHTTP answers.
func (d *Document) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	buffer, _ := d.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer d.buffers.Put(buffer)
	nonce := ""
	if d.nonces {
		nonce = NewNonce()
	}
	*buffer = d.page.Append((*buffer)[:0], d.numbers.Add(1), nonce)
	PageHeader(w.Header(), nonce)
	if !d.chunked {
		w.Header().Set("Content-Length", strconv.Itoa(len(*buffer)))
	}
	_, _ = w.Write(*buffer) // a client that has left is no business of the backend
}

// PageHeader adds what all pages are sent with. A nonce that is not empty gets a policy.
func PageHeader(h http.Header, nonce string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	if nonce != "" {
		h.Set("Content-Security-Policy", "script-src 'nonce-"+nonce+"' 'strict-dynamic'; object-src 'none'; base-uri 'none'")
	}
}

// NewNonce returns a nonce of 24 letters and digits, 120 random bits.
func NewNonce() string { return rand.Text()[:len(nonceHole)] }
