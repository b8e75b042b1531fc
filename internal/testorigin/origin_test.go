package testorigin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	}))
}

// start starts an origin that ends with the test.
func start(t *testing.T) *Origin {
	t.Helper()
	origin, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := origin.Close(); err != nil {
			t.Error(err)
		}
	})
	return origin
}

// drain returns what the origin has seen once all is done.
func drain(t *testing.T, origin *Origin) []Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), StepTimeout)
	defer cancel()
	seen, err := origin.Drain(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// get is a plain GET through net/http, read to its end.
func get(t *testing.T, url string) (*http.Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), StepTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// raw sends bytes on a connection of its own and returns all that comes back,
// and how it ended.
func raw(t *testing.T, origin *Origin, request string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", origin.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(StepTimeout))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

func TestRecordsRequests(t *testing.T) {
	origin := start(t)
	origin.Handle("*", Header(http.StatusNoContent))

	_, err := raw(t, origin, "POST /a%20b?x=1&x=2 HTTP/1.1\r\nHost: Example.test:81\r\nX-A: 1\r\nX-A: 2\r\n"+
		"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}

	want := []Request{{
		Method: "POST", Target: "/a%20b?x=1&x=2", Proto: "HTTP/1.1", Host: "Example.test:81",
		Header:        http.Header{"X-A": {"1", "2"}, "Connection": {"close"}},
		ContentLength: -1, TransferEncoding: []string{"chunked"},
		Body: []byte("abc"), BodySize: 3, Trailer: http.Header{"X-Sum": {"9"}},
		Done: true,
	}}
	if diff := cmp.Diff(want, drain(t, origin)); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if left := drain(t, origin); len(left) != 0 {
		t.Errorf("Drain left %d requests behind", len(left))
	}
}

func TestLongBodiesAreCountedNotKept(t *testing.T) {
	origin := start(t)
	origin.Handle("/", ReadBody(), Header(http.StatusOK))
	const size = MaxBody + 12345
	resp, err := http.Post(origin.URL("/"), "text/plain", strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	seen := drain(t, origin)
	if len(seen) != 1 || len(seen[0].Body) != MaxBody || seen[0].BodySize != size {
		t.Errorf("kept %d of %d bytes, want %d of %d", len(seen[0].Body), seen[0].BodySize, MaxBody, size)
	}
}

func TestScriptsAreChosenByPath(t *testing.T) {
	origin := start(t)
	for path, want := range map[string]int{"/a": 404, "/b": 404} {
		if resp, _, err := get(t, origin.URL(path)); err != nil || resp.StatusCode != want {
			t.Errorf("without a script: %v, %v", resp, err)
		}
	}
	origin.Handle("*", Header(http.StatusTeapot))
	origin.Handle("/a")
	for path, want := range map[string]int{"/a?q": 200, "/b": 418} {
		if resp, _, err := get(t, origin.URL(path)); err != nil || resp.StatusCode != want {
			t.Errorf("%s: %v, %v; want status %d", path, resp, err, want)
		}
	}
}

func TestGateHoldsUntilOpen(t *testing.T) {
	origin := start(t)
	gate := NewGate()
	origin.Handle("/", Wait(gate), Header(http.StatusOK), Write("done"))

	answer := make(chan string, 1)
	go func() {
		_, body, err := get(t, origin.URL("/"))
		answer <- body + errorText(err)
	}()
	<-gate.Arrived()
	select {
	case got := <-answer:
		t.Fatalf("answered %q at a closed gate", got)
	default:
	}
	if seen := origin.Requests(); len(seen) != 1 || seen[0].Done {
		t.Errorf("at the gate: %+v, want one request that is not done", seen)
	}
	gate.Open()
	gate.Open() // harmless
	if got := <-answer; got != "done" {
		t.Errorf("got %q", got)
	}
	// An open gate still tells.
	if _, _, err := get(t, origin.URL("/")); err != nil {
		t.Error(err)
	}
	<-gate.Arrived()
}

func TestDrainIsBounded(t *testing.T) {
	origin := start(t)
	gate := NewGate()
	origin.Handle("/", Wait(gate))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = get(t, origin.URL("/"))
	}()
	<-gate.Arrived()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := origin.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v, want canceled", err)
	}
	gate.Open()
	<-ended
}

func TestCloseEndsWaitingSteps(t *testing.T) {
	steps := map[string][]Step{
		"gate":            {Wait(NewGate())},
		"hang":            {Hang()},
		"taken over":      {TakeOver(), Hang()},
		"echo taken over": {TakeOver(), Echo()},
	}
	for name, script := range steps {
		t.Run(name, func(t *testing.T) {
			origin := start(t)
			mark := NewGate()
			mark.Open()
			origin.Handle("/", append([]Step{Wait(mark)}, script...)...)
			ended := make(chan error, 1)
			go func() {
				_, _, err := get(t, origin.URL("/"))
				ended <- err
			}()
			<-mark.Arrived()
			if err := origin.Close(); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err == nil {
				t.Error("the client got an answer")
			}
			if seen := origin.Requests(); len(seen) != 1 || !seen[0].Done || seen[0].Err == nil {
				t.Errorf("recorded %+v, want a request that ended with an error", seen)
			}
			if err := origin.Close(); err != nil {
				t.Errorf("closing again: %v", err)
			}
			if _, err := net.Dial("tcp", origin.Addr()); err == nil {
				t.Error("a closed origin accepts connections")
			}
		})
	}
}

func TestStepsAreBoundedInTime(t *testing.T) {
	steps := map[string][]Step{
		"gate":       {Header(http.StatusOK), Wait(NewGate())},
		"hang":       {Header(http.StatusOK), Hang()},
		"taken over": {Header(http.StatusOK), TakeOver(), Hang()},
	}
	for name, script := range steps {
		t.Run(name, func(t *testing.T) {
			origin := start(t)
			origin.timeout = 20 * time.Millisecond
			origin.Handle("/", script...)
			if _, body, err := get(t, origin.URL("/")); err == nil {
				t.Errorf("the client got a complete answer: %q", body)
			}
			if seen := drain(t, origin); len(seen) != 1 || seen[0].Err == nil {
				t.Errorf("recorded %+v, want an error", seen)
			}
		})
	}
}

func TestTellsWhenTheVisitorLeaves(t *testing.T) {
	origin := start(t)
	mark := NewGate()
	mark.Open()
	origin.Handle("/hang", Wait(mark), Hang())
	origin.Handle("/gate", Wait(mark), Wait(NewGate()))
	origin.Handle("/taken", TakeOver(), Wait(mark), Hang())

	for path, wantErr := range map[string]bool{"/hang": false, "/gate": true, "/taken": false} {
		conn, err := net.Dial("tcp", origin.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-mark.Arrived()
		conn.Close()
		if seen := drain(t, origin); len(seen) != 1 || (seen[0].Err != nil) != wantErr {
			t.Errorf("%s: recorded %+v, want an error: %t", path, seen, wantErr)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return " " + err.Error()
}
