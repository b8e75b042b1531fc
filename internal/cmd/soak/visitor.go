package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A weighted row of a table is chosen as often as its weight says.
type weighted interface{ share() int }

func choose[T weighted](random *rand.Rand, table []T) T {
	total := 0
	for _, row := range table {
		total += row.share()
	}
	at := random.IntN(total)
	for _, row := range table {
		if at -= row.share(); at < 0 {
			return row
		}
	}
	panic("no weights")
}

// kinds are who visits.
var kinds = []kind{
	{"anonymous", 44, func(*request) {}},
	{"returning", 14, func(q *request) { q.header.Set("Cookie", "visit=1; theme=dark") }},
	{"signed in", 16, func(q *request) {
		q.user = 1 + q.random.IntN(40)
		q.header.Set("Cookie", fmt.Sprintf("visit=1; session=u%d", q.user))
	}},
	{"crawler", 8, func(q *request) {
		q.crawler = true
		q.header = http.Header{
			"Accept":          {"text/html,application/xhtml+xml,*/*;q=0.8"},
			"Accept-Encoding": {"gzip, deflate"},
			"User-Agent":      {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
		}
	}},
	{"tool", 3, func(q *request) {
		q.header = http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.14.1"}}
	}},
	{"hard reload", 2, func(q *request) {
		q.header.Set("Cache-Control", "no-cache")
		q.header.Set("Pragma", "no-cache")
	}},
	{"prefetch", 2, func(q *request) { q.header.Set("Sec-Purpose", "prefetch") }},
	{"conditional", 2, func(q *request) { q.header.Set("If-None-Match", `"soak"`) }},
	{"head", 2, func(q *request) { q.method = http.MethodHead }},
	{"post", 2, func(q *request) { q.method = http.MethodPost }},
	{"from an advertisement", 3, func(q *request) { q.query = "utm_source=soak" }},
	{"query", 2, func(q *request) { q.query = "q=soak" }},
}

type kind struct {
	name   string
	weight int
	dress  func(*request)
}

func (k kind) share() int { return k.weight }

// manners are how a response is read.
var manners = []manner{
	{"reads", 85},
	{"leaves before the early bytes", 4},
	{"leaves in the middle", 4},
	{"leaves behind", 2},
	{"reads slowly", 3},
	{"stays", 1},           // does not follow a recovery before the response has ended
	{"keeps no cookie", 1}, // nor the marker
}

type manner struct {
	name   string
	weight int
}

func (m manner) share() int { return m.weight }

// The ways to Caddy: h1 stands for plain http, tls for HTTP/1.1 by TLS.
const overTLS = "tls"

var ways = []way{{rig.H1, 30}, {overTLS, 10}, {rig.H2, 45}, {rig.H3, 15}}

type way struct {
	name   string
	weight int
}

func (w way) share() int { return w.weight }

// agents are User-Agents of browsers.
var agents = []string{
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.4 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
}

var languages = []string{"en-GB,en;q=0.9", "en-GB,en;q=0.9", "de,en;q=0.5"}

// A request is one that a visitor makes, once or, after a recovery, again.
type request struct {
	id      uint64
	kind    string
	manner  string
	way     string
	host    string
	path    string
	query   string
	method  string
	header  http.Header // without what says the id
	client  netip.Addr
	user    int // signed in; 0 is nobody
	crawler bool
	again   string // why it is made again: "reload", "redirect"; "" the first time
	random  *rand.Rand
}

// newRequest makes up a visitor.
func newRequest(random *rand.Rand, popular *rand.Zipf) *request {
	page := int(popular.Uint64()) //nolint:gosec // it is small
	q := &request{
		manner: choose(random, manners).name,
		way:    choose(random, ways).name,
		host:   hosts[page%len(hosts)],
		path:   fmt.Sprintf("/p/%d", page/len(hosts)),
		method: http.MethodGet,
		header: testorigin.Navigation(),
		client: newClient(random),
		random: random,
	}
	q.header.Set("User-Agent", agents[random.IntN(len(agents))])
	q.header.Set("Accept-Language", languages[random.IntN(len(languages))])
	if q.way == rig.H1 { // browsers send these by TLS only
		for name := range q.header {
			if strings.HasPrefix(name, "Sec-") {
				delete(q.header, name)
			}
		}
	}
	k := choose(random, kinds)
	q.kind = k.name
	k.dress(q)
	return q
}

// newClient makes up an address: of many networks, some of them local.
func newClient(random *rand.Rand) netip.Addr {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], random.Uint64())
	network, host := b[0], b[1]
	switch random.IntN(10) {
	case 0:
		return netip.AddrFrom4([4]byte{10, 1, network % 4, host})
	case 1, 2, 3: // RFC 3849
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, network, 15: host})
	}
	return netip.AddrFrom4([4]byte{198, 18, network, host}) // RFC 2544
}

// The id of a request is the address of a proxy that it pretends to have come
// through. Any header of our own would make the request another one: what is not on
// Headstart's list of harmless headers keeps it from being answered early.
func (q *request) forwardedFor() string {
	var proxy [16]byte
	proxy[0] = 0xfd
	binary.BigEndian.PutUint64(proxy[8:], q.id)
	return q.client.String() + ", " + netip.AddrFrom16(proxy).String()
}

// idOf returns the id of a request by its X-Forwarded-For.
func idOf(forwardedFor string) (id uint64, ok bool) {
	_, rest, _ := strings.Cut(forwardedFor, ", ")
	text, _, _ := strings.Cut(rest, ",")
	proxy, err := netip.ParseAddr(text)
	if err != nil || !proxy.Is6() {
		return 0, false
	}
	b := proxy.As16()
	return binary.BigEndian.Uint64(b[8:]), b[0] == 0xfd
}

func (q *request) String() string {
	target := q.path
	if q.query != "" {
		target += "?" + q.query
	}
	s := fmt.Sprintf("request %d: %s %s%s by %s, %s, %s", q.id, q.method, q.host, target, q.way, q.kind, q.manner)
	if q.again != "" {
		s += ", " + q.again
	}
	return s
}
