package store

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	rules = opening.Rules{LearnAfter: 3, Expire: time.Hour, Shell: true}
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clean = opening.Visit{Header: http.Header{}, Learn: true}
)

// keyOf returns a key as evenly spread as those of requests.
func keyOf(name string) request.Key {
	sum := sha256.Sum256([]byte(name))
	return request.Key(sum[:16])
}

// teach lets a page see a document once.
func teach(t testing.TB, p *opening.Page, document string, header ...string) {
	t.Helper()
	h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for i := 0; i < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	o, reason, _ := opening.Observe(opening.LearnHeaders(nil, h), []byte(document), true, opening.Scope{Shell: true})
	if reason != "" {
		t.Fatal(reason)
	}
	p.Answered(clean, opening.Answer{Observation: o, Depth: -1}, rules, start)
}

// learned returns a page that has seen one head of a length.
func learned(t testing.TB, length int) *opening.Page {
	p := new(opening.Page)
	teach(t, p, "<head><title>"+strings.Repeat("x", length)+"</title></head>")
	return p
}

// newPage returns a page of a host.
func newPage(host *opening.Host) *opening.Page {
	p := new(opening.Page)
	p.Settle(host)
	return p
}

func newStore(t testing.TB, maxBytes uint64) *Store {
	t.Helper()
	s, err := New(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	s := newStore(t, 1<<20)
	a := keyOf("a")
	if s.Get(a) != nil {
		t.Error("an empty store has a page")
	}
	first, second := learned(t, 100), learned(t, 100)
	s.Put(a, first)
	s.Put(a, second) // a race: the first stays
	if s.Get(a) != first || s.Len() != 1 {
		t.Error("another page took the place of the first")
	}
	before := s.Bytes()
	teach(t, first, "<head><title>"+strings.Repeat("y", 5000)+"</title></head>")
	s.Put(a, first)
	if s.Bytes() < before+5000 {
		t.Errorf("the page has grown, but weighs %d after %d", s.Bytes(), before)
	}
}

func TestStoreIsBounded(t *testing.T) {
	const limit = 1 << 20
	s := newStore(t, limit)
	for i := range 10_000 {
		s.Put(keyOf(fmt.Sprint("key ", i)), learned(t, 1000))
		if s.Bytes() > limit+64<<10 {
			t.Fatalf("%d bytes after %d pages", s.Bytes(), i+1)
		}
	}
	if s.Len() < 100 {
		t.Errorf("%d pages are left", s.Len())
	}
}

// A lower limit holds at once, a higher one from then on.
func TestSetMaximum(t *testing.T) {
	s := newStore(t, 4<<20)
	fill := func() {
		for i := range 4000 {
			s.Put(keyOf(fmt.Sprint("key ", i)), learned(t, 1000))
		}
	}
	fill()
	before := s.Len()
	s.SetMaximum(1 << 20)
	if s.Bytes() > 1<<20 || s.Len() == 0 || s.Len() >= before {
		t.Errorf("%d bytes in %d pages of %d are left", s.Bytes(), s.Len(), before)
	}
	s.SetMaximum(4 << 20)
	fill()
	if s.Len() != before {
		t.Errorf("there is room for %d pages, there was for %d", s.Len(), before)
	}
}

// What pages share is counted once, and no more when the last of them goes.
func TestSharedIsCounted(t *testing.T) {
	s := newStore(t, 8<<20)
	host := s.Room("handler").Host("a.example")
	empty, before := s.shared.Load(), s.Bytes()
	script := "<script>" + strings.Repeat("s", 50_000) + "</script>"
	var pages []*opening.Page
	for i := range 100 {
		p := newPage(host)
		teach(t, p, "<head>"+script+fmt.Sprintf("<title>%d</title></head>", i))
		s.Put(keyOf(fmt.Sprint(i)), p)
		pages = append(pages, p)
	}
	s.Grown(keyOf("0"), pages[0]) // it was the first to have the script, and is not alone any more
	if got := s.Bytes() - before; got < 50_000 || got > 170_000 {
		t.Errorf("100 pages with one script of 50,000 bytes take %d bytes", got)
	}
	s.SetMaximum(16 << 10)
	for i := range 100 { // make room
		s.Put(keyOf(fmt.Sprint("other ", i)), learned(t, 10))
	}
	for _, p := range pages {
		p.Close()
	}
	if got := s.shared.Load() - empty; got > maxOverhead {
		t.Errorf("%d bytes are shared by nobody", got)
	}
}

// maxOverhead is what a host has for finding out what is shared.
const maxOverhead = 8 << 10

// Pages of a host that had to give way are void.
func TestHostsAreBounded(t *testing.T) {
	s := newStore(t, 64<<20)
	room := s.Room("handler")
	for i := range 20 * maxHosts {
		name := fmt.Sprintf("%d.example", i)
		p := newPage(room.Host(name))
		teach(t, p, "<head><title>x</title></head>")
		s.Put(keyOf(name), p)
		for range 3 {
			room.Host("often.example")
		}
	}
	if n := room.Hosts(); n > maxHosts {
		t.Errorf("%d hosts", n)
	}
	if s.Get(keyOf("0.example")) != nil && s.Get(keyOf("1.example")) != nil && s.Get(keyOf("2.example")) != nil {
		t.Error("pages of hosts that are gone are there")
	}
	void := 0
	for i := range 20 * maxHosts {
		if s.Get(keyOf(fmt.Sprintf("%d.example", i))) != nil {
			void++
		}
	}
	if void > maxHosts {
		t.Errorf("%d pages of %d hosts", void, room.Hosts())
	}
	if s.Room("handler") != room {
		t.Error("the room of a handler changes")
	}
}

// Rooms of handlers that are gone do not pile up.
func TestRoomsAreBounded(t *testing.T) {
	s := newStore(t, 1<<20)
	first := s.Room("first").Host("a.example")
	for i := range 3 * maxRooms {
		s.Room(fmt.Sprint(i)).Host("a.example")
	}
	if len(s.rooms) > maxRooms || !first.Closed() {
		t.Errorf("%d rooms", len(s.rooms))
	}
}

// A full store takes in what is asked for twice.
func TestAdmits(t *testing.T) {
	s := newStore(t, 1<<20)
	for i := range 1000 {
		if !s.Admits(keyOf(fmt.Sprint(i))) {
			t.Fatal("a page was refused while there was room")
		}
	}
	for i := range 1000 {
		s.Put(keyOf(fmt.Sprint(i)), learned(t, 1000))
	}
	if key := keyOf("new"); s.Admits(key) || !s.Admits(key) {
		t.Error("a page is not taken in at its second sight")
	}
}

// What is ready to be sent goes before the pages do.
func TestWarmIsBounded(t *testing.T) {
	s := newStore(t, 1<<20)
	rules := rules
	rules.MinWait = 0
	sent := 0
	for i := range 200 {
		p := new(opening.Page)
		for range 3 {
			teach(t, p, fmt.Sprintf("<head><link rel=stylesheet href=a.css><title>%d</title></head>", i))
		}
		p.Cool()
		key := keyOf(fmt.Sprint(i))
		s.Put(key, p)
		if plan := p.Decide(clean, rules, start); plan.Early != nil {
			sent++
			s.Warmed(key, p, plan.Warmed)
		}
	}
	if sent != 200 || s.warm.WeightedSize() > 1<<18 {
		t.Errorf("%d pages sent, %d bytes are warm", sent, s.warm.WeightedSize())
	}
	for i := range 200 {
		if p := s.Get(keyOf(fmt.Sprint(i))); p == nil || p.Decide(clean, rules, start).Early == nil {
			t.Fatalf("page %d is gone", i)
		}
	}
}

// A page may go between the look at it and the note of what is ready to be sent.
func TestWarmedOfAPageThatIsGone(t *testing.T) {
	s := newStore(t, 1<<20)
	p, other, key := learned(t, 0), learned(t, 0), keyOf("key")
	s.Put(key, p)
	s.pages.Invalidate(key)
	s.Warmed(key, p, 1000)
	s.Put(key, other)
	s.Warmed(key, p, 1000)
	if n := s.warm.WeightedSize(); n != 0 {
		t.Errorf("%d bytes are warm", n)
	}
	s.Warmed(key, other, 1000)
	if n := s.warm.WeightedSize(); n == 0 {
		t.Error("the page that is in is not warm")
	}
}

// A download that one network alone finds to be of no use is of use.
func TestWasteful(t *testing.T) {
	s := newStore(t, 1<<20)
	for _, step := range []struct {
		reusable bool
		network  uint64
		want     bool
	}{
		{false, 1, false},
		{false, 1, false},
		{false, 2, true},
		{true, 3, false},
		{false, 0, true}, // on the LAN one is enough
		{true, 0, false},
	} {
		s.NoteAsset(5<<32|7, step.reusable, step.network)
		if got := s.Wasteful(5<<32 | 7); got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
		if s.Wasteful(6<<32 | 7) {
			t.Error("another is wasteful")
		}
	}
	s.Answered(9, true)
	if !s.Refused(9) || s.Refused(4) {
		t.Error("not refused, or another")
	}
	s.Answered(9, false)
	if s.Refused(9) {
		t.Error("refused still")
	}
}
