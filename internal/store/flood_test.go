package store

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// A flood is requests that somebody sends to fill memory, and how the backend
// answers them.
type flood struct {
	name string
	fill int // how many fill a MiB a few times, if it is only a few; else 0
	// request returns the i-th of them.
	request func(i int) wave
}

// wave is one page of a flood.
type wave struct {
	host, path string
	visits     int         // how often it is asked for, 0 for once
	public     bool        // from another network each time
	returning  bool        // the last two times with a cookie
	header     http.Header // of the request
	headers    []string    // of the response, names and values
	document   string      // {visit} stands for how often it was asked for before
}

// maxOpening is the default of max_opening, in bytes.
const maxOpening = 64 << 10

// pageOf is a small page like no other.
func pageOf(i int) string {
	return fmt.Sprintf("<!doctype html><html><head><meta charset=utf-8><link rel=stylesheet href=/main.css><title>Page %d</title></head><body>", i)
}

// bulk is a head of a size, in bytes, made of elements like no others.
func bulk(i, size int, element string) string {
	var b strings.Builder
	b.WriteString("<!doctype html><html><head><meta charset=utf-8>")
	for j := 0; b.Len() < size; j++ {
		fmt.Fprintf(&b, element, strconv.Itoa(i)+"-"+strconv.Itoa(j))
	}
	b.WriteString("</head><body>")
	return b.String()
}

// bodyOf is a page with a body of a size, in bytes, made of elements like no others.
func bodyOf(i, size int, element string) string {
	var b strings.Builder
	b.WriteString(pageOf(i))
	for j := 0; b.Len() < size; j++ {
		fmt.Fprintf(&b, element, strconv.Itoa(i)+"-"+strconv.Itoa(j))
	}
	return b.String() + "</body></html>"
}

func visited(times int, public bool) func(i int) wave {
	return func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: times, public: public, document: pageOf(i)}
	}
}

var floods = []flood{
	{name: "urls, once", request: visited(1, false)},
	{name: "urls, three times", request: visited(4, false)},
	{name: "urls, by many networks", request: visited(5, true)},
	{name: "urls, with cookies", request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 6, public: true, returning: true, document: pageOf(i)}
	}},
	{name: "hosts", request: func(i int) wave {
		return wave{host: fmt.Sprintf("%d.example", i), visits: 2, document: pageOf(i)}
	}},
	{name: "hosts with many pages", request: func(i int) wave {
		return wave{host: fmt.Sprintf("%d.example", i/64), path: fmt.Sprint(i), visits: 2, document: pageOf(i)}
	}},
	{name: "vary values", request: func(i int) wave {
		language := http.Header{"Accept-Language": {strings.Repeat("x", 500) + strconv.Itoa(i)}}
		return wave{path: fmt.Sprint("/", i/100), visits: 3, header: language, headers: []string{"Vary", "Accept-Language"}, document: pageOf(i)}
	}},
	{name: "vary values, with cookies", fill: 100, request: func(i int) wave {
		long := http.Header{"X-Long": {strings.Repeat("x", 50_000) + strconv.Itoa(i)}}
		return wave{path: fmt.Sprint("/", i/10), visits: 3, returning: true, header: long, headers: []string{"Vary", "X-Long"}, document: pageOf(i)}
	}},
	{name: "vary names", request: func(i int) wave {
		var names []string
		for j := range 12 {
			names = append(names, "X-"+strings.Repeat("n", 200)+strconv.Itoa(i+j))
		}
		return wave{path: fmt.Sprint("/", i/20), visits: 3, headers: []string{"Vary", strings.Join(names, ", ")}, document: pageOf(i)}
	}},
	{name: "large headers", fill: 100, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 3, headers: []string{"X-Large", strings.Repeat("x", 100_000) + strconv.Itoa(i)}, document: pageOf(i)}
	}},
	{name: "headers like no others", fill: 200, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, headers: []string{"X-Large", strings.Repeat("x", 30_000) + strconv.Itoa(i)}, document: pageOf(i)}
	}},
	{name: "nonces", request: func(i int) wave {
		nonce := fmt.Sprintf("%022d", i)
		return wave{
			path: fmt.Sprint("/", i), visits: 4, headers: []string{"Content-Security-Policy", "script-src 'nonce-" + nonce + "'"},
			document: "<!doctype html><head><meta charset=utf-8><script nonce=" + nonce + ">go()</script><title>x</title></head><body>",
		}
	}},
	{name: "large scripts", fill: 60, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bulk(i, 1<<20, "<script>%s"+strings.Repeat("x", 50_000)+"</script>")}
	}},
	{name: "many scripts", fill: 8, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bulk(i, 1<<20, "<script>%s</script>")}
	}},
	{name: "many scripts, on two pages each", fill: 10, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bulk(i/2, 1<<20, "<script>%s</script>")}
	}},
	{name: "many hosts' many scripts", fill: 16, request: func(i int) wave {
		return wave{host: fmt.Sprintf("%d.example", i), visits: 2, document: bulk(i, 1<<20, "<script>%s</script>")}
	}},
	{name: "long slots", fill: 30, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bulk(i, 1<<20, "<meta property='%s"+strings.Repeat("x", 30_000)+"' content=x>")}
	}},
	{name: "bodies", fill: 60, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bodyOf(i, 60_000, "<p>%s"+strings.Repeat("x", 100)+"</p>")}
	}},
	{name: "small bodies", request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bodyOf(i, 600, "<p>%s</p>")}
	}},
	{name: "bodies with nothing but tags", fill: 60, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bodyOf(i, 60_000, "<hr><hr><hr><hr><hr><hr><hr><hr><hr><i>%s</i>")}
	}},
	{name: "bodies that change", fill: 60, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 8, public: true, document: bodyOf(i, 50_000, "<p>{visit} %s</p>")}
	}},
	{name: "bodies that change at the end", fill: 60, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 8, public: true, document: bodyOf(i, 50_000, "<p>%s</p>") + "<p>{visit}</p>"}
	}},
	{name: "icons and one stylesheet", fill: 10, request: func(i int) wave {
		return wave{path: fmt.Sprint("/", i), visits: 4, document: bulk(i, 1<<20, "<link rel=icon href='%s'><link rel=stylesheet href=a.css>")}
	}},
}

// field is a store with the visitors that it gets.
type field struct {
	t     testing.TB
	store *Store
	room  *Room
	now   time.Time
}

// visit does what the handler does with a request and its response. It reports
// whether the page was committed. network is 0 for one in scope local.
func (f *field) visit(w wave, network int, returning bool) bool {
	host := w.host
	if host == "" {
		host = "hostile.example"
	}
	f.now = f.now.Add(time.Millisecond)
	key := keyOf(host + w.path)
	p := f.store.Get(key)
	learn := !returning
	if p == nil {
		learn = learn && f.store.Admits(key)
		var h *opening.Host
		if learn {
			h = f.room.Host(host)
		}
		p = newPage(h)
	}
	rules := rules
	rules.Public = network > 0
	header := w.header
	if header == nil {
		header = http.Header{}
	}
	visit := opening.Visit{Header: header, Learn: learn, Voter: opening.Voter{
		Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, byte(network >> 8), byte(network), 0}), 24),
		Agent:   uint64(network), Browser: true,
	}}
	if returning {
		visit.Audience = request.Returning
	}
	plan := p.Decide(visit, rules, f.now)
	if plan.Warmed > 0 {
		f.store.Warmed(key, p, plan.Warmed)
	}
	if plan.Early != nil && !plan.Observe {
		return true
	}
	answer := opening.Answer{Depth: -1}
	if !learn {
		answer.Reason = opening.SetsCookie
	}
	if learn && plan.Observe {
		h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
		for i := 0; i < len(w.headers); i += 2 {
			h.Add(w.headers[i], w.headers[i+1])
		}
		answer.Vary = opening.VaryNames(h)
		if answer.Reason = opening.Learnable(http.StatusOK, h, false); answer.Reason == "" {
			body := w.document
			o, reason, _ := opening.Observe(opening.LearnHeaders(nil, h), []byte(body[:min(len(body), maxOpening)]), len(body) <= maxOpening, opening.Scope{Shell: true})
			if answer.Reason = reason; reason == "" {
				answer.Observation = o
			}
		}
	}
	p.Answered(visit, answer, rules, f.now)
	if answer.Observation != nil || learn && answer.Reason != "" {
		f.store.Put(key, p)
	} else {
		f.store.Grown(key, p)
	}
	return plan.Early != nil
}

// wave visits one page of a flood as often as it says.
func (f *field) wave(i int, w wave) {
	document := w.document
	for j := range max(w.visits, 1) {
		w.document = strings.ReplaceAll(document, "{visit}", strconv.Itoa(j))
		network := 0
		if w.public {
			network = 1 + (i+j)%60_000
		}
		f.visit(w, network, w.returning && j >= max(w.visits, 1)-2)
	}
}

// hot is how many useful pages people go on asking for.
const hot = 40

func hotPage(i int) wave {
	return wave{host: "useful.example", path: fmt.Sprint("/", i), document: pageOf(i)}
}

// hotVisit asks for all useful pages, and returns how many are committed.
func (f *field) hotVisit() (committed int) {
	for i := range hot {
		if f.visit(hotPage(i), 0, false) {
			committed++
		}
	}
	return committed
}

// run lets n requests of a flood in, with some for useful pages between them, and
// checks the bound at steps. It returns the most memory that was in use, with the
// store's estimate then, and how many useful pages are committed in the end.
func (f *field) run(n int, request func(i int) wave, before uint64) (most, estimate uint64, committed int) {
	for range 8 {
		f.hotVisit()
	}
	for i := range n {
		f.wave(i, request(i))
		if i%max(n/400, 1) == 0 {
			f.hotVisit()
		}
		if (i+1)%max(n/4, 1) == 0 {
			if used := live() - min(before, live()); used > most {
				most, estimate = used, f.store.Bytes()
			}
		}
	}
	return most, estimate, f.hotVisit()
}

// scale is how many requests each flood has.
func scale(t testing.TB, usual int) int {
	n, err := strconv.Atoi(os.Getenv("HEADSTART_FLOOD"))
	if err != nil {
		t.Logf("HEADSTART_FLOOD is not set: %d requests to each flood instead of 1000000", usual)
		return usual
	}
	return n
}

// check fails if a flood took more than it may, or took useful pages away.
func (f *field) check(most, estimate uint64, committed int, limit uint64) {
	f.t.Helper()
	const fixed = 64 << 10 // what an empty store has
	f.t.Logf("%d bytes of %d, estimated %d; %d of %d useful pages committed", most, limit, estimate, committed, hot)
	if most > limit+limit/5 {
		f.t.Errorf("%d bytes are in use, the limit is %d", most, limit)
	}
	if estimate+estimate/4+fixed < most || estimate > most+most/4+fixed {
		f.t.Errorf("the store says that it takes %d bytes, it takes %d", estimate, most)
	}
	if 100*committed < 95*hot {
		f.t.Errorf("%d of %d useful pages are committed", committed, hot)
	}
}

// startFlood begins a flood with an empty store.
func startFlood(t testing.TB, limit uint64) (f *field, before uint64) {
	before = live()
	f = &field{t: t, store: newStore(t, limit), now: start}
	f.room = f.store.Room("handler")
	return f, before
}

// Whatever is asked for, memory stays within the limit, and what people ask for
// stays in it. HEADSTART_FLOOD is the number of requests to each flood, and takes
// the limit to its default.
func TestFloods(t *testing.T) {
	limit := uint64(1 << 20)
	n := scale(t, 1500)
	if n > 100_000 {
		limit = 64 << 20
	}
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			f, before := startFlood(t, limit)
			requests := n
			if flood.fill > 0 {
				requests = flood.fill * int(limit>>20)
			}
			most, estimate, committed := f.run(requests, flood.request, before)
			f.check(most, estimate, committed, limit)
		})
	}
}

// All floods at once, for more than one limit.
func TestFloodsTogether(t *testing.T) {
	for _, limit := range []uint64{1 << 20, 2 << 20} {
		t.Run(fmt.Sprint(limit>>20, " MiB"), func(t *testing.T) {
			f, before := startFlood(t, limit)
			most, estimate, committed := f.run(40*int(limit>>20), func(i int) wave {
				w := floods[i%len(floods)].request(i)
				w.path = fmt.Sprint(i%len(floods), w.path)
				return w
			}, before)
			f.check(most, estimate, committed, limit)
		})
	}
}
