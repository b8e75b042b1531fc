package recovery

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Limits of a Lot.
const (
	// MaxParked is how many bytes one response may take while it waits: body,
	// header, trailer and bookkeeping.
	MaxParked = 1 << 20
	// MaxLot is how many bytes all responses of a Lot may take.
	MaxLot = 32 << 20
	// ParkTime is how long a response waits to be collected. The marker cookie,
	// which carries the ticket, lives as long.
	ParkTime = 10 * time.Second
)

const (
	// overhead is what a parked response takes besides its header and body, in
	// bytes, rounded up. It bounds how many responses without a body are parked.
	overhead = 1 << 10
	// maxTicket bounds the work that a made-up ticket can cause. A ticket of
	// rand.Text has 26 characters; it may have more in later versions of Go.
	maxTicket = 64
)

// ErrGone is what Write and Serve return, wrapped, when nobody can get the
// response any more.
var ErrGone = errors.New("parked response is gone")

// Why a response is gone.
var (
	errTooLarge = fmt.Errorf("%w: larger than %d bytes", ErrGone, MaxParked)
	errFull     = fmt.Errorf("%w: no room in the lot", ErrGone)
	errExpired  = fmt.Errorf("%w: not collected within %v", ErrGone, ParkTime)
	errLeft     = fmt.Errorf("%w: its collector is done", ErrGone)
	errShut     = fmt.Errorf("%w: the lot was closed", ErrGone)
)

// A Lot keeps responses until their visitors' reloads collect them: at most
// MaxParked bytes each, MaxLot bytes in all, for at most ParkTime. The zero value
// is empty and ready. A Lot is safe for concurrent use and has no goroutines.
//
// When the lot is full, the response that asks for room is refused, and no other
// one suffers: a page that was told to reload relies on its response, whereas a
// page whose response cannot be parked still has its plain GET. Were the oldest
// dropped instead, a flood would take away just the responses that are about to
// be collected.
type Lot struct {
	// mu protects all fields here and those of every Parked of the lot, so that
	// what is counted is what is there. It is held for copying at most, never while
	// a visitor or a backend is waited for, nor while a cancel runs.
	mu sync.Mutex
	// waiting holds the responses that nobody collected yet, by Visit.claim.
	waiting map[claim]*Parked
	// bytes is the sum of Parked.size over all responses: 0 <= bytes <= MaxLot.
	bytes int
	shut  bool
}

// Visit is what a reload must have in common with the request whose response was
// parked. Only a digest of it is kept.
type Visit struct {
	// Key is whatever else tells apart two sites or networks: handler, scope,
	// scheme, host.
	Key string
	// Target is the request target as sent.
	Target string
	// Cookies are the cookies as sent, without the marker cookie.
	Cookies string
}

// claim is a digest over a ticket and a visit, by which a response is found.
type claim [sha256.Size]byte

// claim makes a wrong visit the same as a wrong ticket: nothing is compared, so
// that no time is measured that would tell which part was right, and neither
// tickets nor cookies stay in memory.
func (v Visit) claim(ticket string) claim {
	hash := sha256.New()
	var length [8]byte
	for _, part := range []string{ticket, v.Key, v.Target, v.Cookies} {
		// With its length in front, no part can run into the next.
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		_, _ = io.WriteString(hash, part) // a hash never fails
	}
	return claim(hash.Sum(nil))
}

// Park begins to keep a response and returns it with its ticket, which has at
// least 128 random bits (crypto/rand.Text). header is cloned. It returns nil and
// "" if there is no room, if the header alone is larger than MaxParked bytes, if
// the lot is closed, or if status is not final (RFC 9110 section 15.2: a 101 is
// no response to keep).
//
// The caller must Close what Park returned. cancel is called, at most once, when
// nobody can get the response any more: it has expired or grown too large, the
// lot is full or closed, or its collector left. It is not called after Close, nor
// for a response that Park refused. It runs on the goroutine that finds out and
// must not block.
func (l *Lot) Park(v Visit, status int, header http.Header, cancel func()) (p *Parked, ticket string) {
	size := overhead + sizeOf(header)
	if status < http.StatusOK || status > 999 || size > MaxParked {
		return nil, ""
	}
	ticket = rand.Text()
	p = &Parked{lot: l, claim: v.claim(ticket), status: status, header: header.Clone(), cancel: cancel}
	p.changed.L = &l.mu

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut || p.charge(size) != nil {
		return nil, ""
	}
	if l.waiting == nil {
		l.waiting = make(map[claim]*Parked)
	}
	l.waiting[p.claim] = p
	p.timer = time.AfterFunc(ParkTime, func() { p.expire(errExpired) })
	return p, ticket
}

// sizeOf estimates what a header takes in memory, in bytes.
func sizeOf(h http.Header) int {
	const perName, perValue = 64, 16
	size := 0
	for name, values := range h {
		size += perName + len(name)
		for _, value := range values {
			size += perValue + len(value)
		}
	}
	return size
}

// Collect takes out the response that was parked under ticket for the same visit.
// It returns nil if there is none. A ticket works once, so only a GET should try.
// The caller must Serve what it got; until then the response keeps its room and
// its producer waits.
//
// A right ticket with another visit gets nothing and leaves the response where it
// is: browsers send the marker cookie with every request to the host, so that an
// image or another tab would otherwise use up the ticket of the reload. Nothing
// is lost by it, for whoever lacks a 128-bit ticket cannot guess the visit
// either, and whoever has read it could have read the other cookies.
func (l *Lot) Collect(ticket string, v Visit) *Parked {
	if ticket == "" || len(ticket) > maxTicket || l.Len() == 0 {
		return nil
	}
	key := v.claim(ticket)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.waiting[key]
	if p == nil {
		return nil
	}
	delete(l.waiting, key)
	p.timer.Stop() // if it has fired already, expire finds the response collected
	p.collected = true
	return p
}

// Close drops all responses that nobody collected and refuses new ones. Collected
// ones are served to their end.
func (l *Lot) Close() {
	l.mu.Lock()
	l.shut = true
	waiting := make([]*Parked, 0, len(l.waiting))
	for _, p := range l.waiting {
		waiting = append(waiting, p)
	}
	l.mu.Unlock()
	for _, p := range waiting {
		p.expire(errShut)
	}
}

// Bytes returns what the responses take in memory: those that wait, and what is
// left of those that are being served. It is at most MaxLot.
func (l *Lot) Bytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// Len returns the number of responses that wait to be collected.
func (l *Lot) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}
