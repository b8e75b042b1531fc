package recovery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleLot() {
	var lot Lot
	visit := Visit{Key: "https a.example", Target: "/cart", Cookies: "session=1"}

	// The request whose response came as a surprise.
	header := http.Header{"Set-Cookie": {"session=2"}}
	parked, ticket := lot.Park(visit, http.StatusUnauthorized, header, func() {})
	_, _ = io.WriteString(parked, "Please log in.")
	parked.Close(nil, nil)

	// The reload.
	rec := httptest.NewRecorder()
	fmt.Println(lot.Collect(ticket, visit).Serve(context.Background(), rec))
	fmt.Println(rec.Code, rec.Header().Get("Set-Cookie"), rec.Body)
	fmt.Println(lot.Collect(ticket, visit))
	// Output:
	// <nil>
	// 401 session=2 Please log in.
	// <nil>
}

var visit = Visit{Key: "https a.example", Target: "/a?b", Cookies: "c=d"}

// park parks a response and counts how often it is canceled.
func park(t *testing.T, l *Lot, header http.Header) (p *Parked, ticket string, canceled *atomic.Int32) {
	t.Helper()
	canceled = new(atomic.Int32)
	p, ticket = l.Park(visit, http.StatusOK, header, func() { canceled.Add(1) })
	if p == nil {
		t.Fatal("nothing parked")
	}
	return p, ticket, canceled
}

// parkWhole parks a complete response.
func parkWhole(t *testing.T, l *Lot, header http.Header, body string) string {
	t.Helper()
	p, ticket, _ := park(t, l, header)
	if n, err := io.WriteString(p, body); n != len(body) || err != nil {
		t.Fatal(n, err)
	}
	p.Close(nil, nil)
	return ticket
}

func wantEmpty(t *testing.T, l *Lot) {
	t.Helper()
	if l.Len() != 0 || l.Bytes() != 0 {
		t.Errorf("%d responses, %d bytes left", l.Len(), l.Bytes())
	}
}

func TestTicketWorksOnce(t *testing.T) {
	var l Lot
	ticket := parkWhole(t, &l, nil, "page")
	p := l.Collect(ticket, visit)
	if p == nil || l.Collect(ticket, visit) != nil {
		t.Fatal("want exactly the first to collect")
	}
	rec := httptest.NewRecorder()
	if err := p.Serve(t.Context(), rec); err != nil || rec.Body.String() != "page" {
		t.Error(err, rec.Body)
	}
	if err := p.Serve(t.Context(), httptest.NewRecorder()); !errors.Is(err, ErrGone) {
		t.Errorf("served again: %v", err)
	}
	wantEmpty(t, &l)
}

// The visitor's own reload still gets what another request asked for in vain.
func TestTicketIsForOneVisit(t *testing.T) {
	var l Lot
	ticket := parkWhole(t, &l, nil, "page")
	for name, other := range map[string]Visit{
		"host":           {"https b.example", visit.Target, visit.Cookies},
		"scheme":         {"http a.example", visit.Target, visit.Cookies},
		"target":         {visit.Key, "/a?b=", visit.Cookies},
		"cookies":        {visit.Key, visit.Target, "c=e"},
		"no cookies":     {visit.Key, visit.Target, ""},
		"shifted border": {visit.Key + "/", "a?b", visit.Cookies},
		"nothing":        {},
	} {
		if l.Collect(ticket, other) != nil {
			t.Errorf("collected by another visit: %s", name)
		}
	}
	p := l.Collect(ticket, visit)
	if p == nil {
		t.Fatal("not there for its own visit")
	}
	if err := p.Serve(t.Context(), httptest.NewRecorder()); err != nil {
		t.Error(err)
	}
}

func TestTicketExpires(t *testing.T) {
	for _, complete := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var l Lot
			p, ticket, canceled := park(t, &l, nil)
			if complete {
				p.Close(nil, nil)
			}
			time.Sleep(ParkTime - time.Nanosecond)
			if l.Len() != 1 || canceled.Load() != 0 {
				t.Error("dropped too early")
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if l.Collect(ticket, visit) != nil {
				t.Error("collected after its time")
			}
			wantEmpty(t, &l)
			if (canceled.Load() == 1) == complete {
				t.Errorf("complete: %v, canceled %d times", complete, canceled.Load())
			}
		})
	}
}

// What is collected in time may take longer than ParkTime.
func TestCollectedDoesNotExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lot
		p, ticket, canceled := park(t, &l, nil)
		rec := httptest.NewRecorder()
		time.Sleep(ParkTime - time.Nanosecond)
		served := serve(t.Context(), l.Collect(ticket, visit), rec)
		p.expire(errExpired) // as a timer that fires while Collect stops it
		time.Sleep(ParkTime)
		if _, err := io.WriteString(p, "late"); err != nil {
			t.Error(err)
		}
		p.Close(nil, nil)
		if err := <-served; err != nil || rec.Body.String() != "late" || canceled.Load() != 0 {
			t.Error(err, rec.Body, canceled.Load())
		}
		wantEmpty(t, &l)
	})
}

func TestUnknownTicket(t *testing.T) {
	var l Lot
	ticket := parkWhole(t, &l, nil, "page")
	for _, unknown := range []string{
		"", "1", rand.Text(), ticket[1:], ticket + "A", " " + ticket, strings.ToLower(ticket), "\x00\xff", strings.Repeat("A", 1<<20),
	} {
		if l.Collect(unknown, visit) != nil {
			t.Errorf("%.40q: collected", unknown)
		}
	}
	long := strings.Repeat("A", 1<<20)
	if n := testing.AllocsPerRun(10, func() { l.Collect(long, visit) }); n != 0 {
		t.Errorf("a long ticket costs %v allocations", n)
	}
	l.Close()
	wantEmpty(t, &l)
	if n := testing.AllocsPerRun(10, func() { l.Collect(ticket, visit) }); n != 0 {
		t.Errorf("a ticket costs %v allocations while nothing is parked", n)
	}
}

// A flood is refused; what was parked before it stays.
func TestFullLotRefusesTheNewest(t *testing.T) {
	var l Lot
	mine := parkWhole(t, &l, nil, "mine")
	body := make([]byte, MaxParked-overhead)
	kept, refused := 0, 0
	for range 40 {
		canceled := 0
		p, _ := l.Park(visit, http.StatusOK, nil, func() { canceled++ })
		if p == nil {
			t.Fatal("no room for a response without a body")
		}
		switch _, err := p.Write(body); {
		case err == nil && canceled == 0:
			kept++
		case errors.Is(err, errFull) && canceled == 1:
			refused++
		default:
			t.Fatal(err, canceled)
		}
		if n := l.Bytes(); n > MaxLot {
			t.Fatalf("%d bytes", n)
		}
	}
	if kept != 31 || refused != 9 || l.Len() != kept+1 {
		t.Errorf("%d kept, %d refused, %d there", kept, refused, l.Len())
	}
	if p, _ := l.Park(visit, http.StatusOK, http.Header{"A": {string(body[:MaxParked/2])}}, nil); p == nil {
		t.Error("half of a response does not fit")
	}
	if p, ticket := l.Park(visit, http.StatusOK, http.Header{"A": {string(body[:MaxParked/2])}}, nil); p != nil || ticket != "" {
		t.Error("a full lot takes more")
	}
	if l.Collect(mine, visit) == nil {
		t.Error("the flood took away what was parked before it")
	}
}

func TestParkRefuses(t *testing.T) {
	var l Lot
	for _, status := range []int{-1, 0, 100, 101, 103, 199, 1000} {
		if p, _ := l.Park(visit, status, nil, nil); p != nil {
			t.Errorf("%d is parked", status)
		}
	}
	if p, _ := l.Park(visit, http.StatusOK, http.Header{"A": {strings.Repeat("a", MaxParked)}}, nil); p != nil {
		t.Error("a header that is too large is parked")
	}
	wantEmpty(t, &l)
}

func TestTooLargeIsGivenUp(t *testing.T) {
	var l Lot
	for _, size := range []int{1, 1000, smallChunk, 5000, MaxParked} {
		p, ticket, canceled := park(t, &l, nil)
		written, err := 0, error(nil)
		for err == nil {
			var n int
			n, err = p.Write(make([]byte, size))
			written += n
		}
		if want := (MaxParked - overhead) / size * size; !errors.Is(err, errTooLarge) || written != want {
			t.Errorf("by %d: gave up after %d, want %d: %v", size, written, want, err)
		}
		if l.Collect(ticket, visit) != nil || canceled.Load() != 1 {
			t.Error("still there")
		}
		wantEmpty(t, &l)
	}
	p, _, _ := park(t, &l, nil)
	p.Close(http.Header{"A": {strings.Repeat("a", MaxParked)}}, nil)
	wantEmpty(t, &l)
}

func TestWriteToDropped(t *testing.T) {
	var l Lot
	p, _, canceled := park(t, &l, nil)
	l.Close()
	for range 2 {
		if n, err := p.Write([]byte("x")); n != 0 || !errors.Is(err, ErrGone) {
			t.Error(n, err)
		}
	}
	p.Close(nil, nil)
	l.Close()
	if canceled.Load() != 1 {
		t.Errorf("canceled %d times", canceled.Load())
	}
	if p, _ := l.Park(visit, http.StatusOK, nil, nil); p != nil {
		t.Error("a closed lot takes more")
	}
	wantEmpty(t, &l)
}

// Of many collectors with one ticket, one gets the response.
func TestCollectorsRace(t *testing.T) {
	var l Lot
	for range 50 {
		p, ticket, canceled := park(t, &l, nil)
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				p := l.Collect(ticket, visit)
				if p == nil {
					return
				}
				won.Add(1)
				rec := httptest.NewRecorder()
				if err := p.Serve(t.Context(), rec); err != nil || rec.Body.String() != "page" {
					t.Error(err, rec.Body)
				}
			})
		}
		wg.Go(func() {
			if _, err := io.WriteString(p, "page"); err != nil {
				t.Error(err)
			}
			p.Close(nil, nil)
		})
		wg.Wait()
		if won.Load() != 1 || canceled.Load() != 0 {
			t.Fatalf("%d collectors won, canceled %d times", won.Load(), canceled.Load())
		}
	}
	wantEmpty(t, &l)
}

// All that can end a response ends it at once: one of them wins, and the books
// are balanced.
func TestEndsRace(t *testing.T) {
	var l Lot
	for i := range 50 {
		p, ticket, canceled := park(t, &l, nil)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(leave)
		wg.Go(func() { p.expire(errExpired) })
		wg.Go(func() {
			for range 4 {
				if _, err := p.Write(make([]byte, copySize)); err != nil && !errors.Is(err, ErrGone) {
					t.Error(err)
				}
			}
			if i%2 == 0 {
				p.Close(nil, nil)
			}
		})
		wg.Go(func() {
			if p := l.Collect(ticket, visit); p != nil {
				_ = p.Serve(ctx, httptest.NewRecorder())
			}
		})
		wg.Wait()
		if n := canceled.Load(); n > 1 || i%2 == 1 && n == 0 {
			t.Fatalf("canceled %d times", n)
		}
		wantEmpty(t, &l)
	}
}
