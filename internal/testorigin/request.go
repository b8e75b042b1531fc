package testorigin

import (
	"io"
	"net/http"
	"slices"
)

// MaxBody is how many bytes of a request body are recorded, 1 MiB. A longer
// body is read and counted, and its rest forgotten.
const MaxBody = 1 << 20

// A Request is what the origin saw of one request.
type Request struct {
	Method string
	Target string // as in the request line
	Proto  string
	Host   string

	Header           http.Header // without Host
	ContentLength    int64       // -1 if unknown
	TransferEncoding []string

	Body     []byte // the first MaxBody bytes of it
	BodySize int64  // bytes that came in
	Trailer  http.Header

	// Done tells that the script has ended. Before that, body and trailers may
	// be incomplete.
	Done bool
	// Err is why the script ended before its last step, or why the rest of the
	// request body could not be read: the client left, a step timed out, the
	// origin was closed, or a step could not be run. It is nil after a script
	// that ended as written, also if that was with a broken answer.
	Err error
}

// newRequest records the head of r.
func newRequest(r *http.Request) *Request {
	return &Request{
		Method:           r.Method,
		Target:           r.RequestURI,
		Proto:            r.Proto,
		Host:             r.Host,
		Header:           r.Header.Clone(),
		ContentLength:    r.ContentLength,
		TransferEncoding: slices.Clone(r.TransferEncoding),
	}
}

// clone returns a copy that later steps do not change.
func (r *Request) clone() Request {
	c := *r
	c.Body = slices.Clone(r.Body)
	return c
}

// body records a request body while a step reads it. One goroutine reads it.
type body struct {
	io.ReadCloser
	origin  *Origin
	record  *Request
	touched bool   // somebody has begun to read
	moved   func() // called when something came
}

func (b *body) Read(p []byte) (int, error) {
	b.touched = true
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.moved()
	}
	b.origin.mu.Lock()
	defer b.origin.mu.Unlock()
	b.record.BodySize += int64(n)
	keep := min(n, MaxBody-len(b.record.Body))
	b.record.Body = append(b.record.Body, p[:keep]...)
	return n, err
}
