package module_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A visitor is an HTTP client of one protocol, with connections of its own. It
// trusts every certificate, decodes only what a test reads, and knows no
// cookies or redirects.
type visitor struct {
	protocol  string // "h1", "h2" or "h3"
	transport http.RoundTripper
}

// protocols are those that a visitor may speak.
var protocols = []string{"h1", "h2", "h3"}

// eachProtocol runs a subtest with a visitor of each protocol.
func eachProtocol(t *testing.T, test func(t *testing.T, v *visitor)) {
	t.Helper()
	for _, p := range protocols {
		t.Run(p, func(t *testing.T) { test(t, newVisitor(t, p)) })
	}
}

// newVisitor returns a visitor whose connections end with the test.
func newVisitor(t *testing.T, protocol string) *visitor {
	t.Helper()
	if protocol == "h3" {
		tr := &http3.Transport{TLSClientConfig: anyCertificate(), DisableCompression: true}
		t.Cleanup(func() {
			if err := tr.Close(); err != nil {
				t.Errorf("closing the HTTP/3 client: %v", err)
			}
		})
		return &visitor{protocol, tr}
	}
	tr := &http.Transport{
		TLSClientConfig:       anyCertificate(),
		DisableCompression:    true,
		ExpectContinueTimeout: patience,
		Protocols:             new(http.Protocols),
	}
	tr.Protocols.SetHTTP1(protocol == "h1")
	tr.Protocols.SetHTTP2(protocol == "h2")
	t.Cleanup(tr.CloseIdleConnections)
	return &visitor{protocol, tr}
}

// anyCertificate trusts the certificate of a test's own Caddy.
func anyCertificate() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: host}
}

// url is the address of a path at a site. A site has the port <name> for http,
// which h1 uses, and <name_tls> for https.
func (v *visitor) url(t *testing.T, c *caddyServer, site, path string) string {
	t.Helper()
	if v.protocol == "h1" {
		return "http://" + c.addr(t, site) + path
	}
	return "https://" + c.addr(t, site+"_tls") + path
}

// newRequest makes a bounded request to any site of Caddy.
func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(bounded(t), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	return req
}

// browserHeader is what a Chrome sends whose user typed a URL.
var browserHeader = testorigin.Navigation()

// navigate makes the request of a browser's navigation.
func navigate(t *testing.T, url string) *http.Request {
	t.Helper()
	req := newRequest(t, http.MethodGet, url, nil)
	req.Header = browserHeader.Clone()
	return req
}

// An interim is a 1xx response.
type interim struct {
	Status int
	Header http.Header
}

// A reply is a response as it comes in.
type reply struct {
	Proto   string
	Status  int // 0 if the request ended without a response
	Header  http.Header
	Interim []interim

	*stream // the body, decoded
	raw     *recorder
	resp    *http.Response
}

// send sends a request and returns when the final response's header is there,
// or when it is clear that none will come.
func (v *visitor) send(t *testing.T, req *http.Request) *reply {
	t.Helper()
	var (
		mu       sync.Mutex // the trace runs on a goroutine of the transport
		interims []interim
	)
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		mu.Lock()
		defer mu.Unlock()
		interims = append(interims, interim{code, http.Header(h).Clone()})
		return nil
	}}
	resp, err := v.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))

	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		return &reply{Interim: slices.Clone(interims), stream: endedStream(t, err)}
	}
	r := &reply{
		Proto:   resp.Proto,
		Status:  resp.StatusCode,
		Header:  resp.Header,
		Interim: slices.Clone(interims),
		raw:     &recorder{from: resp.Body},
		resp:    resp,
	}
	r.stream = startStream(t, r.raw, resp.Header.Get("Content-Encoding"), resp.Body.Close)
	return r
}

// trailer returns the trailers of a response that has ended.
func (r *reply) trailer(t *testing.T) http.Header {
	t.Helper()
	r.rest(t)
	if r.resp == nil {
		return nil
	}
	return r.resp.Trailer
}

// A rawConn is a connection to Caddy on which a test speaks HTTP/1 by hand.
type rawConn struct {
	*stream
	conn net.Conn
}

// dialRaw connects to a plain http site.
func dialRaw(t *testing.T, addr string) *rawConn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(bounded(t), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &rawConn{startStream(t, &recorder{from: conn}, "", conn.Close), conn}
}

// send writes text as it is; line ends are for the caller.
func (c *rawConn) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		t.Fatal(err)
	}
}

// request sends a request without a body; lines are separated by a space and a
// bar: "GET / HTTP/1.1 | Host: a".
func (c *rawConn) request(t *testing.T, lines string) {
	t.Helper()
	c.send(t, strings.ReplaceAll(lines, " | ", "\r\n")+"\r\n\r\n")
}

// closeWrite ends the visitor's side; it can still read.
func (c *rawConn) closeWrite(t *testing.T) {
	t.Helper()
	if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}
