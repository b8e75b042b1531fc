package testorigin

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dates matches the one header that no test can foresee.
var dates = regexp.MustCompile(`Date: [^\r]*\r\n`)

// TestBytesOnTheWire gives the exact answer of a script, Date aside.
func TestBytesOnTheWire(t *testing.T) {
	const (
		get   = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		head  = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		post  = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
		offer = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
	)
	tests := []struct {
		name    string
		request string
		script  []Step
		want    string
	}{
		{
			"empty script", get, nil,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		{
			"content length", get,
			[]Step{Header(200, "Content-Length", "5"), Write("hel"), Write("lo")},
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
		},
		{
			"chunked, in the parts that were written", get,
			[]Step{Header(200, "X-A", "1", "X-A", "2"), Write("hel"), Write("lo")},
			"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
				"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
		},
		{
			"byte by byte", get,
			[]Step{Header(200), Bytewise("abc")},
			"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
				"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
		},
		{
			"stream", get,
			[]Step{
				Header(200, "Content-Length", "6"),
				Stream(func() io.Reader { return strings.NewReader("abcdef") }),
			},
			"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabcdef",
		},
		{
			"trailers, announced and not", get,
			[]Step{Header(200, "Trailer", "X-Said"), Write("a"), Trailer("X-Said", "1"), Trailer("X-Unsaid", "2")},
			"HTTP/1.1 200 OK\r\nTrailer: X-Said\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
				"1\r\na\r\n0\r\nX-Said: 1\r\nX-Unsaid: 2\r\n\r\n",
		},
		{
			"informational", get,
			[]Step{Informational(103, "Link", "</a>; rel=preload"), Header(204)},
			"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" +
				"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
		},
		{
			"no body for HEAD", head,
			[]Step{Header(200, "Content-Length", "5"), Write("hello")},
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
		},
		{
			"no body for 304", get,
			[]Step{Header(304, "Etag", `"a"`), Write("hello")},
			"HTTP/1.1 304 Not Modified\r\nEtag: \"a\"\r\nConnection: close\r\n\r\n",
		},
		{
			"echo", post,
			[]Step{Header(200, "Content-Length", "3"), Echo()},
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
		},
		{
			"100 continue when the body is read", offer + "abc",
			[]Step{ReadBody(), Close()},
			"HTTP/1.1 100 Continue\r\n\r\n",
		},
		{
			"no 100 continue when it is not", offer,
			[]Step{Header(417, "Content-Length", "0")},
			"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		{
			"serve", get,
			[]Step{Serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })},
			"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
		},
		{
			"closed before the header", get,
			[]Step{Close(), Write("never")},
			"",
		},
		{
			"closed before the end of a content length", get,
			[]Step{Header(200, "Content-Length", "5"), Write("hel"), Close()},
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhel",
		},
		{
			"ended before the end of a content length", get,
			[]Step{Header(200, "Content-Length", "5"), Write("hel")},
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhel",
		},
		{
			"closed before the last chunk", get,
			[]Step{Header(200), Write("hel"), Close()},
			"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
		},
		{
			"anything", get,
			[]Step{TakeOver(), Write("HTTP/1.1 OK\r\n"), Bytewise("\x00\r")},
			"HTTP/1.1 OK\r\n\x00\r",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			origin := start(t)
			origin.Handle("/", tt.script...)
			got, err := raw(t, origin, tt.request)
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.want, dates.ReplaceAllString(got, "")); diff != "" {
				t.Errorf("on the wire (-want +got):\n%s", diff)
			}
			for _, seen := range drain(t, origin) {
				if seen.Err != nil {
					t.Errorf("the script failed: %v", seen.Err)
				}
			}
		})
	}
}

func TestAbortIsAReset(t *testing.T) {
	scripts := map[string][]Step{
		"before the header": {Abort()},
		"inside the body":   {Header(200), Write("a"), Abort()},
		"by a handler":      {Serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })},
		"taken over":        {TakeOver(), Write("HTTP/1.1 200 OK\r\n"), Abort()},
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			origin := start(t)
			origin.Handle("/", script...)
			_, err := raw(t, origin, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("ended with %v, want a reset", err)
			}
		})
	}
}

func TestKeepsTheConnection(t *testing.T) {
	origin := start(t)
	origin.Handle("/", Header(200, "Content-Length", "1"), Write("a"))
	var conns []net.Conn
	for range 3 {
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { conns = append(conns, info.Conn) }}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace),
			http.MethodPost, origin.URL("/"), strings.NewReader("unread"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
		resp.Body.Close()
		drain(t, origin)
	}
	if conns[0] != conns[1] || conns[1] != conns[2] {
		t.Error("every request had a connection of its own")
	}
}

func TestEchoRunsBothWays(t *testing.T) {
	origin := start(t)
	origin.Handle("/body", Header(200), Echo())
	origin.Handle("/upgrade", Header(101, "Connection", "Upgrade", "Upgrade", "test"), TakeOver(), Echo())

	t.Run("request body", func(t *testing.T) {
		in, out := io.Pipe()
		resp, err := http.Post(origin.URL("/body"), "text/plain", in)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		exchangeLines(t, out, resp.Body)
	})
	t.Run("upgrade", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin.URL("/upgrade"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "test")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		stream, ok := resp.Body.(io.ReadWriteCloser)
		if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("status %d, body is a %T", resp.StatusCode, resp.Body)
		}
		defer stream.Close()
		for range 3 {
			ping(t, stream, stream)
		}
	})
}

// exchangeLines sends lines and reads each before the next is sent.
func exchangeLines(t *testing.T, out io.WriteCloser, in io.Reader) {
	t.Helper()
	for range 3 {
		ping(t, out, in)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) != 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func ping(t *testing.T, out io.Writer, in io.Reader) {
	t.Helper()
	if _, err := io.WriteString(out, "ping"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "ping" {
		t.Fatalf("echo: %q, %v", got, err)
	}
}

func TestMisuseIsRecorded(t *testing.T) {
	scripts := map[string][]Step{
		"odd header pairs":        {Header(200, "X-A")},
		"not informational":       {Informational(200)},
		"header after take-over":  {TakeOver(), Header(200)},
		"serve after take-over":   {TakeOver(), Serve(func(http.ResponseWriter, *http.Request) {})},
		"trailer after take-over": {TakeOver(), Trailer("X-A", "1")},
		"more than was promised":  {Header(200, "Content-Length", "1"), Write("ab")},
		"broken stream":           {Header(200), Stream(func() io.Reader { return brokenReader{} })},
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			origin := start(t)
			origin.Handle("/", script...)
			if _, body, err := get(t, origin.URL("/")); err == nil {
				t.Errorf("the client got a complete answer: %q", body)
			}
			if seen := drain(t, origin); len(seen) == 0 || seen[0].Err == nil {
				t.Errorf("recorded %+v, want an error", seen)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestInformationalHeadersDoNotStay(t *testing.T) {
	origin := start(t)
	origin.Handle("/", Informational(103, "X-Early", "1"), Informational(102), Header(200))
	var got []int
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		got = append(got, code)
		if code == 102 && h.Get("X-Early") != "" {
			t.Error("the second informational response repeats a header of the first")
		}
		return nil
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, origin.URL("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if diff := cmp.Diff([]int{103, 102}, got); diff != "" || resp.Header.Get("X-Early") != "" {
		t.Errorf("informational responses (-want +got):\n%s\nfinal header %v", diff, resp.Header)
	}
}
