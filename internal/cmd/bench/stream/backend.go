package stream

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
)

const (
	chunkSize = 1 << 10 // bytes
	// nonceEach is how many chunks there are for each with a script, where there is
	// a nonce.
	nonceEach = 8
	// untold is how many chunks an answer has that nobody feeds.
	untold = 4
	end    = "</main>\n</body>\n</html>\n"
)

// Paths of the backend. Each side has one of its own, so that the backend knows whose
// feed an answer takes.
const (
	pathPlain = "/stream/of/plain"
	pathOurs  = "/stream/of/headstart"
	nonces    = "/nonces" // in front of a path: with a nonce in page and policy
)

// A feed is told when to send the chunks of one answer.
type feed struct {
	turns chan struct{} // one for each chunk; closed at the end
	ended chan struct{} // closed when the answer has ended
	sent  []time.Time   // when each chunk was written; to be read when it has ended
}

func newFeed() *feed {
	return &feed{turns: make(chan struct{}), ended: make(chan struct{})}
}

// A backend sends the beginning of a page, then chunks as it is fed.
type backend struct {
	mu    sync.Mutex
	feeds map[string]*feed // by path, for the next request; mu protects it
	count uint64           // of answers; mu protects it
}

func (b *backend) next(path string, f *feed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.feeds[path] = f
}

func (b *backend) take(path string) (*feed, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.feeds[path]
	delete(b.feeds, path)
	b.count++
	return f, b.count
}

// beginning returns what comes before the chunks.
func beginning(page *stage.Page, number uint64, nonce string) []byte {
	return page.Append(nil, number, nonce)[:page.StampEnd]
}

// newPage returns a page of which only the beginning is used.
func newPage(withNonces bool) *stage.Page { return stage.NewPage(0, withNonces) }

func withNonces(path string) bool { return strings.HasPrefix(path, nonces) }

// newChunk returns the chunk of a number. If there is a nonce, some hold a script.
func newChunk(number int, nonce string) []byte {
	var b bytes.Buffer
	if nonce != "" && number%nonceEach == 0 {
		b.WriteString("<script nonce=\"" + nonce + "\">count()</script>\n")
	}
	b.WriteString(stage.Entry(number))
	b.WriteString("<p>")
	b.Write(bytes.Repeat([]byte("word "), chunkSize/5))
	b.Truncate(chunkSize - len("</p>\n"))
	b.WriteString("</p>\n")
	return b.Bytes()
}

// ServeHTTP answers.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, number := b.take(r.URL.Path)
	if f != nil {
		defer close(f.ended)
	}
	nonce, hasNonces := "", withNonces(r.URL.Path)
	if hasNonces {
		nonce = stage.NewNonce()
	}
	stage.PageHeader(w.Header(), nonce)
	flush := http.NewResponseController(w).Flush
	send := func(p []byte) bool { // false if the client has left
		_, err := w.Write(p) //nolint:gosec // nothing of the request is in it
		return err == nil && flush() == nil
	}
	if !send(beginning(newPage(hasNonces), number, nonce)) {
		return
	}
	if f == nil {
		for n := range untold {
			send(newChunk(n, nonce))
		}
		send([]byte(end))
		return
	}
	for n := 0; ; n++ {
		chunk := newChunk(n, nonce)
		select {
		case _, more := <-f.turns:
			if !more {
				send([]byte(end))
				return
			}
			f.sent = append(f.sent, time.Now())
			if !send(chunk) {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
