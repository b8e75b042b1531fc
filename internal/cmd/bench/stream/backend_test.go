package stream

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

func TestNewChunk(t *testing.T) {
	const nonce = "ABCDEFGHIJKLMNOPQRSTUVWX"
	for n := range 2 * nonceEach {
		for _, given := range []string{"", nonce} {
			chunk := newChunk(n, given)
			if len(chunk) != chunkSize || !bytes.HasSuffix(chunk, []byte("</p>\n")) {
				t.Errorf("chunk %d has %d bytes and ends with %q", n, len(chunk), chunk[len(chunk)-8:])
			}
			want := given != "" && n%nonceEach == 0
			if got := bytes.Contains(chunk, []byte(nonce)); got != want {
				t.Errorf("chunk %d, nonce %q: it holds the nonce: %v", n, given, got)
			}
		}
	}
}

// An answer that is fed sends a chunk for each turn and no sooner; the next one, which
// is not, comes in one go.
func TestBackend(t *testing.T) {
	b := &backend{feeds: make(map[string]*feed)}
	server := httptest.NewServer(b)
	defer server.Close()
	f := newFeed()
	b.next(pathOurs, f)
	get := func() io.ReadCloser {
		resp, err := http.Get(server.URL + pathOurs)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Body
	}
	fed := get()
	defer fed.Close()
	unfed := get()
	defer unfed.Close()

	first := newPage(false).StampEnd
	reader := bufio.NewReader(fed)
	begin := make([]byte, first)
	if _, err := io.ReadFull(reader, begin); err != nil || !strings.HasSuffix(string(begin), "</p>\n") {
		t.Fatalf("the beginning ends with %q, error %v", begin[first-8:], err)
	}
	chunk := make([]byte, chunkSize)
	for n := range 3 {
		if reader.Buffered() > 0 {
			t.Errorf("%d bytes came before turn %d", reader.Buffered(), n)
		}
		f.turns <- struct{}{}
		if _, err := io.ReadFull(reader, chunk); err != nil || !bytes.Equal(chunk, newChunk(n, "")) {
			t.Fatalf("turn %d: %q, error %v", n, chunk, err)
		}
	}
	close(f.turns)
	rest, err := io.ReadAll(reader)
	if err != nil || string(rest) != end {
		t.Errorf("the end is %q, error %v", rest, err)
	}
	<-f.ended
	if len(f.sent) != 3 {
		t.Errorf("%d chunks were noted, want 3", len(f.sent))
	}
	all, err := io.ReadAll(unfed)
	if want := first + untold*chunkSize + len(end); err != nil || len(all) != want {
		t.Errorf("%d bytes without a feed, want %d, error %v", len(all), want, err)
	}
}

// A ratio is that of all rounds; it is met if p50 and p99 both are.
func TestNewResult(t *testing.T) {
	newRow := func(ours []float64) *row {
		return &row{kind: kinds[0], protocol: "h1", sides: []*side{
			{site: headstart, rounds: [][]float64{ours, ours}},
			{site: plain, rounds: [][]float64{{100, 100, 100}, {100, 100, 100}}},
		}}
	}
	lines := newResult([]*row{newRow([]float64{100, 104, 105}), newRow([]float64{100, 100, 200}), newRow([]float64{110, 110, 110})}).Rows
	for i, want := range []struct {
		ratio float64
		met   string
	}{{1.04, "yes?"}, {1, "no?"}, {1.1, "no?"}} { // of two rounds only
		if l := lines[i]; l.Ratio != want.ratio || stats.Met(l.Verdict) != want.met || l.Plain.Count != 6 || l.Spread[0] != want.ratio {
			t.Errorf("line %d: %+v", i, l)
		}
	}
}
