package module_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

const mebi = 1 << 20

// loadSize is the size of the transfers below: 256 MiB, or 1 GiB if
// HEADSTART_LONG is set. The race detector is interested in less.
func loadSize() int64 {
	switch {
	case os.Getenv("HEADSTART_LONG") != "":
		return 1024 * mebi
	case raceDetector:
		return 32 * mebi
	}
	return 256 * mebi
}

// heapGrowth is how much more memory may be alive during a transfer than before
// it. Without Headstart 17 MiB were seen: windows of HTTP/3, of up to 15 MiB a
// connection, which fill while the reader is slow. Every transfer is larger.
const heapGrowth = 24 * mebi

// TestTransparentDownloadInFlatMemory: a large response streams through, also
// if it might have been a page.
func TestTransparentDownloadInFlatMemory(t *testing.T) {
	origin := startOrigin(t)
	c := startCaddy(t, twins("raw", "", "\treverse_proxy "+origin.Addr()))
	eachProtocol(t, func(t *testing.T, v *visitor) {
		size := loadSize()
		for name, header := range map[string]testorigin.Step{
			"file": testorigin.Header(200, "Content-Type", "application/octet-stream", "Content-Length", fmt.Sprint(size)),
			"page": htmlHead,
		} {
			if raceDetector && name == "file" {
				continue // Headstart looks no further than at its header
			}
			t.Run(name, func(t *testing.T) {
				path := "/" + v.protocol + "/" + name
				origin.Handle(path, header, testorigin.Stream(func() io.Reader { return newPattern(size) }))
				meter := newHeapMeter(t)
				req := navigate(t, v.url(t, c, "raw_early", path))
				resp, err := v.transport.RoundTrip(req.WithContext(longer(t)))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				checkPattern(t, meter, resp.Body, size)
				if seen := drain(t, origin); len(seen) != 1 || seen[0].Err != nil {
					t.Errorf("the backend saw %+v", seen)
				}
			})
		}
	})
}

// TestTransparentUploadInFlatMemory: so does a large request.
func TestTransparentUploadInFlatMemory(t *testing.T) {
	origin := startOrigin(t)
	c := startCaddy(t, twins("raw", "", "\treverse_proxy "+origin.Addr()))
	eachProtocol(t, func(t *testing.T, v *visitor) {
		size := max(loadSize()/4, 32*mebi)
		meter := newHeapMeter(t)
		origin.Handle("/", testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
			checkPattern(t, meter, r.Body, size)
			w.WriteHeader(http.StatusNoContent)
		}))
		req := newRequest(t, http.MethodPut, v.url(t, c, "raw_early", "/"), newPattern(size))
		if r := v.send(t, req.WithContext(longer(t))); r.Status != http.StatusNoContent {
			t.Errorf("status %d", r.Status)
		}
		drain(t, origin)
	})
}

// longer is bounded for a transfer that may take minutes.
func longer(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A pattern is a stream of bytes of which every part is known. Its period is a
// prime, so that no block of a usual size is like the next.
type pattern struct{ at, size int64 }

var period = func() []byte {
	b := make([]byte, 65521)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}()

func newPattern(size int64) *pattern { return &pattern{size: size} }

// Read gives the next bytes.
func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.size {
		return 0, io.EOF
	}
	part := period[p.at%int64(len(period)):]
	n := copy(b[:min(int64(len(b)), p.size-p.at)], part)
	p.at += int64(n)
	return n, nil
}

// checkPattern reads a pattern to its end, and measures memory on the way.
func checkPattern(t *testing.T, meter *heapMeter, from io.Reader, size int64) {
	t.Helper()
	want := newPattern(size)
	got, expected := make([]byte, 64<<10), make([]byte, 64<<10)
	for next := int64(0); ; {
		n, err := from.Read(got)
		if m, _ := io.ReadFull(want, expected[:n]); m != n || !bytes.Equal(got[:n], expected[:n]) {
			t.Errorf("other bytes than were sent before byte %d", want.at)
			return
		}
		if want.at >= next {
			meter.measure()
			next += size / 8
		}
		if err == nil {
			continue
		}
		if end := classify(err); want.at != size || end != cleanEnd {
			t.Errorf("%s after %d of %d bytes", end, want.at, size)
		}
		return
	}
}

// A heapMeter watches how much memory is alive.
type heapMeter struct {
	t      *testing.T
	before int64
}

func newHeapMeter(t *testing.T) *heapMeter { return &heapMeter{t, alive()} }

func (m *heapMeter) measure() {
	m.t.Helper()
	if now := alive(); now > m.before+heapGrowth {
		m.t.Errorf("%d MiB of memory are alive, %d MiB before the transfer", now/mebi, m.before/mebi)
	}
}

// alive returns the bytes on the heap that are still in use.
func alive() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
