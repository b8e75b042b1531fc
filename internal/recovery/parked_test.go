package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// serve runs Serve and delivers what it returns.
func serve(ctx context.Context, p *Parked, w http.ResponseWriter) <-chan error {
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, w) }()
	return served
}

// stuck is a visitor who takes nothing.
type stuck struct {
	*httptest.ResponseRecorder

	ctx context.Context
}

func (s stuck) Write([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// A response that is still streaming is passed on as it comes, and nothing of it
// is stored once it is collected.
func TestServeStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lot
		p, ticket, canceled := park(t, &l, http.Header{"Content-Length": {"8"}})
		rec := httptest.NewRecorder()
		served := serve(t.Context(), l.Collect(ticket, visit), rec)
		synctest.Wait()
		if !rec.Flushed {
			t.Error("the header waits for the body")
		}
		for _, part := range []string{"one ", "two ", strings.Repeat("3", 3*copySize)} {
			rec.Body.Reset()
			rec.Flushed = false
			if n, err := io.WriteString(p, part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
			synctest.Wait()
			if rec.Body.String() != part || !rec.Flushed || l.Bytes() != overhead+sizeOf(http.Header{"Content-Length": {"8"}}) {
				t.Errorf("%.9q, flushed: %v, %d bytes stored", rec.Body, rec.Flushed, l.Bytes())
			}
		}
		p.Close(nil, nil)
		if err := <-served; err != nil || canceled.Load() != 0 {
			t.Error(err, canceled.Load())
		}
		if rec.Header()["Content-Length"] != nil {
			t.Error("the length of a response that is not complete yet is believed")
		}
		if _, err := p.Write([]byte("x")); err == nil {
			t.Error("written after the end")
		}
		wantEmpty(t, &l)
	})
}

// The collector leaves, by its context while it is stuck in a write: the producer
// is released and canceled, and what was stored is counted until nobody has it.
func TestCollectorLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lot
		p, ticket, canceled := park(t, &l, nil)
		for _, part := range []int{5000, 6000} {
			if _, err := p.Write(make([]byte, part)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, leave := context.WithCancel(t.Context())
		hold, letGo := context.WithCancel(context.Background())
		served := serve(ctx, l.Collect(ticket, visit), stuck{httptest.NewRecorder(), hold})
		written := make(chan error, 1)
		go func() {
			_, err := io.WriteString(p, "more")
			written <- err
		}()
		synctest.Wait()
		if n := l.Bytes(); n != overhead+11000 || len(written) != 0 {
			t.Errorf("%d bytes; Write did not wait: %v", n, len(written) != 0)
		}
		leave()
		if err := <-written; !errors.Is(err, ErrGone) {
			t.Error(err)
		}
		if n := l.Bytes(); n != 5000 || canceled.Load() != 1 {
			t.Errorf("%d bytes in hand, canceled %d times", n, canceled.Load())
		}
		letGo()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := p.Write([]byte("x")); !errors.Is(err, ErrGone) || canceled.Load() != 1 {
			t.Error(err, canceled.Load())
		}
		wantEmpty(t, &l)
	})
}

// The collector leaves, by a write that fails.
func TestServeWriteFails(t *testing.T) {
	var l Lot
	p, ticket, canceled := park(t, &l, nil)
	if _, err := io.WriteString(p, "page"); err != nil {
		t.Fatal(err)
	}
	dead, kill := context.WithCancel(t.Context())
	kill()
	if err := l.Collect(ticket, visit).Serve(t.Context(), stuck{httptest.NewRecorder(), dead}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, ErrGone) || canceled.Load() != 1 {
		t.Error(err, canceled.Load())
	}
	wantEmpty(t, &l)
}

func TestServeIsForTheCollector(t *testing.T) {
	var l Lot
	p, _, _ := park(t, &l, nil)
	rec := httptest.NewRecorder()
	if err := p.Serve(t.Context(), rec); err == nil || l.Len() != 1 {
		t.Error("served without a ticket")
	}
	l.Close()
}

// A visitor gets the bytes so far of a response that breaks off, then an abort.
func TestServeBrokenOff(t *testing.T) {
	broken := errors.New("backend died")
	for _, cause := range []error{broken, fmt.Errorf("%w: %w", broken, io.EOF)} {
		for _, before := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				var l Lot
				p, ticket, _ := park(t, &l, http.Header{"Content-Length": {"4"}})
				if _, err := io.WriteString(p, "half"); err != nil {
					t.Fatal(err)
				}
				if before {
					p.Close(nil, cause)
				}
				rec := httptest.NewRecorder()
				served := serve(t.Context(), l.Collect(ticket, visit), rec)
				synctest.Wait()
				p.Close(nil, cause)
				if err := <-served; !errors.Is(err, broken) || rec.Body.String() != "half" {
					t.Error(err, rec.Body)
				}
				if rec.Header()["Content-Length"] != nil {
					t.Error("its Content-Length makes it look complete")
				}
				wantEmpty(t, &l)
			})
		}
	}
}

func TestServeHeader(t *testing.T) {
	tests := []struct {
		name           string
		status         int
		header, writer http.Header
		want           http.Header
		wantBody       string
	}{
		{
			"Set-Cookie keeps its values in order", 200,
			http.Header{"Set-Cookie": {"b=2", "a=1", "b=3; Path=/"}},
			http.Header{"Set-Cookie": {"outer=1"}},
			http.Header{"Set-Cookie": {"b=2", "a=1", "b=3; Path=/"}},
			"page",
		},
		{
			"others stay", 404,
			http.Header{"X-A": {"new"}},
			http.Header{"X-A": {"old", "older"}, "Server": {"Caddy"}},
			http.Header{"X-A": {"new"}, "Server": {"Caddy"}},
			"page",
		},
		{"the length agrees", 200, http.Header{"Content-Length": {"4"}}, nil, http.Header{"Content-Length": {"4"}}, "page"},
		{"the length differs", 200, http.Header{"Content-Length": {"5"}}, nil, http.Header{}, "page"},
		{"two lengths", 200, http.Header{"Content-Length": {"4", "4"}}, nil, http.Header{}, "page"},
		{"a length of somebody else", 200, nil, http.Header{"Content-Length": {"9"}}, http.Header{}, "page"},
		{"205", 205, nil, nil, http.Header{}, "page"},
		{"no content", 204, http.Header{"Content-Length": {"4"}}, nil, http.Header{}, ""},
		{"not modified", 304, http.Header{"Etag": {`"1"`}}, nil, http.Header{"Etag": {`"1"`}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l Lot
			p, ticket := l.Park(visit, test.status, test.header, nil)
			if _, err := io.WriteString(p, "page"); err != nil {
				t.Fatal(err)
			}
			clear(test.header) // Park has cloned it
			p.Close(nil, nil)
			rec := httptest.NewRecorder()
			maps.Copy(rec.Header(), test.writer)
			if err := l.Collect(ticket, visit).Serve(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
			if rec.Code != test.status || rec.Body.String() != test.wantBody {
				t.Errorf("%d %q", rec.Code, rec.Body)
			}
			if diff := cmp.Diff(test.want, rec.Header()); diff != "" {
				t.Error(diff)
			}
			wantEmpty(t, &l)
		})
	}
}

// Through a real server: the trailer arrives, and a response that breaks off does
// not look complete.
func TestServeOverHTTP(t *testing.T) {
	for _, broken := range []error{nil, errors.New("backend died")} {
		var l Lot
		p, ticket, _ := park(t, &l, http.Header{"Trailer": {"X-Announced"}, "Content-Type": {"text/plain"}})
		body := bytes.Repeat([]byte("0123456789"), 5000)
		if _, err := p.Write(body); err != nil {
			t.Fatal(err)
		}
		p.Close(http.Header{"X-Announced": {"1"}, http.TrailerPrefix + "X-Other": {"2", "3"}}, broken)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if l.Collect(ticket, visit).Serve(r.Context(), w) != nil {
				panic(http.ErrAbortHandler)
			}
		}))
		resp, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		server.Close()
		if (err != nil) != (broken != nil) {
			t.Errorf("broken: %v, got %d bytes, %v", broken, len(got), err)
		}
		if broken == nil {
			if diff := cmp.Diff(http.Header{"X-Announced": {"1"}, "X-Other": {"2", "3"}}, resp.Trailer); diff != "" || !bytes.Equal(got, body) {
				t.Error(diff)
			}
		}
		wantEmpty(t, &l)
	}
}
