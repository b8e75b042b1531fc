package module_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A privacyPage is a page that a part of the crowd visits.
type privacyPage struct {
	path     string
	protocol string
	public   bool // its visitors come from public networks
	left     int  // visits, until another page takes its place

	news, nonce, private, varies, firstVisit bool
}

// A privacyVisit is one request, from its beginning to its end.
type privacyVisit struct {
	id      int
	page    *privacyPage
	kind    string
	cookies string
	dress   []lessonDress

	arrived chan privacyArrival // by the backend
	answer  chan privacyAnswer  // to the backend
	reply   chan *reply         // by the visitor
	from    privacyArrival
	got     *reply // early, else nil until the end
}

// A privacyArrival is what the backend sees of a request.
type privacyArrival struct {
	early   bool   // the visitor has the early bytes, or is about to
	user    string // what the user is known by, "" for a stranger
	cookies bool
}

// A crowd visits a site: users and strangers at random, several at a time.
type crowd struct {
	*lesson
	t        *testing.T
	secrets  *secrets
	backend  *privacyBackend
	visitors map[string]*visitor
	pages    []*privacyPage
	held     []*privacyVisit
	begun    int
	nonces   map[string]int // those sent early, by the visit
	users    map[string][]string
	tally    map[string]int
	parked   map[int]bool // visits whose responses nobody has collected
}

// intn is a random number below n; the order of all that happens follows from it.
func (c *crowd) intn(n int) int { return c.secrets.rng.IntN(n) }

// chance is true so many times out of a hundred.
func (c *crowd) chance(percent int) bool { return c.intn(100) < percent }

// newPage is one that nobody has visited. Some seventy visits are enough for it to
// be learned, to be sent early, to surprise, and to be learned again.
func (c *crowd) newPage(number int) *privacyPage {
	p := &privacyPage{path: fmt.Sprintf("/%d", number), protocol: protocols[c.intn(len(protocols))], public: c.chance(25), left: 40 + c.intn(60)}
	p.news, p.nonce = c.chance(50), c.chance(40)
	p.private, p.varies, p.firstVisit = c.chance(20), c.chance(10), c.chance(10)
	return p
}

// dressed draws who comes: their kind, cookies and other headers.
func (c *crowd) dressed(p *privacyPage) (kind, cookies string, dress []lessonDress) {
	if p.public {
		dress = append(dress, from(fmt.Sprintf("20.%d.%d.1", c.intn(200), c.intn(200))))
	}
	if p.varies && c.chance(30) {
		dress = append(dress, with("Accept-Language", "de"))
	}
	user := func(kind string) string { return c.users[kind][c.intn(len(c.users[kind]))] }
	switch n := c.intn(100); {
	case n < 36:
		kind, cookies = "cookie", "session="+user("cookie")
	case n < 38:
		kind, dress = "bearer", append(dress, with("Authorization", user("bearer")))
	case n < 40:
		kind, dress = "basic", append(dress, func(r *http.Request) { r.SetBasicAuth(user("basic"), "hiccup") })
	case n < 43 && p.public:
		kind, dress = "address", append(dress, from(strings.TrimPrefix(user("address"), "address ")))
	case n < 45:
		kind, cookies = "forger", "session="+user("cookie")+"; "+markerName(p.protocol)+"=reload."+strings.Repeat("A", 26)
	case n < 47:
		kind = "crawler"
	case n < 68:
		kind, cookies = "returning", "seen=1"
	default:
		kind = "anonymous"
	}
	return kind, cookies, dress
}

// markerName is the name of the marker cookie.
func markerName(protocol string) string {
	if protocol == "h1" {
		return "headstart"
	}
	return "__Host-headstart"
}

// begin sends a request. It returns when the request waits at the backend and the
// visitor has what comes early, or when the visitor has the answer of another one.
func (c *crowd) begin(p *privacyPage, kind, cookies string, dress []lessonDress) *privacyVisit {
	c.t.Helper()
	c.begun++
	v := &privacyVisit{
		id: c.begun, page: p, kind: kind, cookies: cookies, dress: dress,
		arrived: make(chan privacyArrival, 1), answer: make(chan privacyAnswer, 1), reply: make(chan *reply, 1),
	}
	who := c.visitors[p.protocol]
	req := navigate(c.t, who.url(c.t, c.caddyServer, "site", p.path))
	agent := fmt.Sprintf("%s Visit/%d", browserHeader.Get("User-Agent"), v.id)
	if kind == "crawler" {
		agent = fmt.Sprintf("Mozilla/5.0 (compatible; Googlebot/2.1) Visit/%d", v.id)
	}
	req.Header.Set("User-Agent", agent)
	for _, d := range dress {
		d(req)
	}
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	c.backend.mu.Lock()
	c.backend.visits[agent] = v
	c.backend.mu.Unlock()
	go func() { v.reply <- who.send(c.t, req) }()
	if strings.Contains(cookies, "headstart=reload.") { // never early, so an answer comes from the backend, or is a parked one
		select {
		case v.from = <-v.arrived:
		case v.got = <-v.reply:
			return v
		}
	} else {
		v.from = await(c.t, "the request at the backend", v.arrived)
	}
	if v.from.early {
		v.got = await(c.t, "the early header", v.reply)
		for text, end, more := v.got.look(); len(text) < 1024; text, end, more = v.got.look() {
			if end != "" {
				c.t.Fatalf("%s while the backend has not answered", end)
			}
			await(c.t, "the early bytes", more)
		}
	}
	return v
}

// finish lets the backend answer, and takes in all of the response.
func (c *crowd) finish(v *privacyVisit) {
	c.t.Helper()
	if v.from.early {
		text, end := v.got.soFar()
		if end != "" {
			c.t.Fatalf("%s while the backend has not answered", end)
		}
		c.checkEarly(v, text)
	}
	a := c.choose(v)
	v.answer <- a
	if v.got == nil {
		v.got = await(c.t, "the answer", v.reply)
		c.secrets.absent(c.t, "an interim response", fmt.Sprint(v.got.Interim))
	}
	text, led := v.got.untilLed(c.t)
	c.checkOwn(v, text, v.id)
	c.count(v, a, led)
	if led {
		v.got.resp.Body.Close()                    // as browsers do when they leave a page
		if strings.Contains(text, `({"cookie":`) { // else it is a redirect
			c.reloaded(v)
		}
	}
}

// choose draws what the backend answers.
func (c *crowd) choose(v *privacyVisit) privacyAnswer {
	a := c.backend.ordinary(v, v.from)
	odds := 3
	switch {
	case v.from.early && v.from.user != "":
		odds = 40
	case v.from.early:
		odds = 6
	case v.from.user == "":
		odds = 1
	}
	if c.chance(odds) {
		surprise := privacySurprises[c.intn(len(privacySurprises))]
		a.name = surprise.name
		surprise.change(&a, func() string {
			// Answers like these are for nobody else, whoever asked.
			return c.secrets.mint(privateText{visit: v.id, what: surprise.name, storable: !v.from.cookies && v.from.user == "" || v.kind == "address"})
		})
	}
	return a
}

// checkEarly looks for secrets in what came before the backend answered: there
// must be none, not even the visitor's own.
func (c *crowd) checkEarly(v *privacyVisit, text string) {
	c.t.Helper()
	c.secrets.absent(c.t, fmt.Sprintf("early bytes for visit %d (%s)", v.id, v.kind), fmt.Sprint(v.got.Header, v.got.Interim, text))
	if v.from.user != "" && (v.kind == "bearer" || v.kind == "basic") {
		c.t.Errorf("visit %d (%s) was committed", v.id, v.kind)
	}
	for _, nonce := range noncesIn(v.got.Header) {
		if by := c.nonces[nonce]; by != 0 {
			c.t.Errorf("visits %d and %d have the same nonce %q", by, v.id, nonce)
		}
		c.nonces[nonce] = v.id
	}
	if v.page.nonce && len(noncesIn(v.got.Header)) == 0 {
		c.t.Errorf("visit %d has no nonce: %v", v.id, v.got.Header)
	}
	if v.from.user != "" {
		c.tally["early for users"]++
	} else {
		c.tally["early for strangers"]++
	}
}

// checkOwn looks for secrets of others in all that a visitor gets.
func (c *crowd) checkOwn(v *privacyVisit, text string, owners ...int) {
	c.t.Helper()
	for _, found := range c.secrets.find(fmt.Sprint(v.got.Header, v.got.Interim, text)) {
		if !slices.Contains(owners, found.visit) {
			c.t.Errorf("visit %d (%s) sees %+v", v.id, v.kind, found)
		}
	}
}

func (c *crowd) count(v *privacyVisit, a privacyAnswer, led bool) {
	if v.from.user != "" {
		c.tally["users"]++
		c.tally["users by "+v.kind]++
	}
	if v.from.early && a.name != "" {
		c.tally["surprise: "+a.name]++
		v.page.left = min(v.page.left, 15) // little comes early for a while
	}
	if led {
		c.tally["led away"]++
	}
}

// reloaded is what comes after a page that was told to load itself again. Others
// who have got hold of the ticket come first; then its visitor, twice, or not at
// all.
func (c *crowd) reloaded(v *privacyVisit) {
	c.t.Helper()
	marker := v.got.marker(c.t)
	if strings.HasSuffix(marker, ".none") {
		return
	}
	c.parked[v.id] = true
	behind := func(cookies string) string { return strings.TrimPrefix(cookies+"; "+marker, "; ") }
	if c.chance(50) {
		thief := c.begin(v.page, "thief", behind("session="+c.users["thief"][0]), nil)
		if v.page.public { // from another scope altogether
			thief.kind = "thief in another scope"
		}
		if !thief.arrivedAtBackend() {
			c.t.Fatalf("visit %d collects the response of visit %d", thief.id, v.id)
		}
		c.tally["thieves"]++
		c.finish(thief)
	}
	if c.chance(20) {
		c.tally["left behind"]++
		return
	}
	again := c.begin(v.page, "reload", behind(v.cookies), v.dress)
	if again.arrivedAtBackend() {
		c.t.Errorf("visit %d (%s) does not collect the response of visit %d (%s), early %v", again.id, again.kind, v.id, v.kind, again.from.early)
		c.finish(again)
		return
	}
	delete(c.parked, v.id)
	text, _ := again.got.rest(c.t)
	c.checkOwn(again, text, v.id)
	c.tally["collected"]++
	if c.chance(50) {
		twice := c.begin(v.page, "second reload", behind(v.cookies), v.dress)
		if !twice.arrivedAtBackend() {
			c.t.Fatalf("the ticket of visit %d works twice", v.id)
		}
		c.finish(twice)
	}
}

// arrivedAtBackend tells whether the backend was asked.
func (v *privacyVisit) arrivedAtBackend() bool { return v.from.early || v.got == nil }

// run lets the crowd come until so many responses to users were sent.
func (c *crowd) run(users int) {
	c.t.Helper()
	const active, atOnce = 6, 4
	for c.tally["users"] < users {
		if len(c.held) == atOnce || len(c.held) > 0 && c.chance(40) {
			c.release(c.intn(len(c.held)))
			continue
		}
		slot := c.intn(active)
		for len(c.pages) <= slot {
			c.pages = append(c.pages, &privacyPage{})
		}
		if c.pages[slot].left == 0 {
			c.tally["pages"]++
			c.pages[slot] = c.newPage(c.tally["pages"])
		}
		p := c.pages[slot]
		p.left--
		kind, cookies, dress := c.dressed(p)
		c.held = append(c.held, c.begin(p, kind, cookies, dress))
	}
	for len(c.held) > 0 {
		c.release(0)
	}
}

func (c *crowd) release(i int) {
	c.t.Helper()
	v := c.held[i]
	c.held = slices.Delete(c.held, i, i+1)
	if !v.arrivedAtBackend() {
		c.t.Fatalf("visit %d (%s) was answered by nobody: %d", v.id, v.kind, v.got.Status)
	}
	c.finish(v)
}

// newCrowd signs up the users of a site and its backend.
func newCrowd(t *testing.T, s *secrets, origin *testorigin.Origin) *crowd {
	b := &privacyBackend{secrets: s, users: make(map[string]bool), visits: make(map[string]*privacyVisit)}
	origin.Handle("*", b.step(t))
	c := &crowd{
		t: t, secrets: s, backend: b, visitors: make(map[string]*visitor),
		nonces: make(map[string]int), users: make(map[string][]string), tally: make(map[string]int), parked: make(map[int]bool),
	}
	for _, protocol := range protocols {
		c.visitors[protocol] = newVisitor(t, protocol)
	}
	credentials := map[string]func() string{
		"cookie":  func() string { return s.mint(privateText{what: "a session"}) },
		"bearer":  func() string { return "Bearer " + s.mint(privateText{what: "a token"}) },
		"thief":   func() string { return s.mint(privateText{what: "a thief's session"}) },
		"basic":   func() string { return fmt.Sprint("user", len(c.users["basic"])) }, // Caddy logs its accounts
		"address": func() string { return fmt.Sprintf("address 30.%d.%d.7", c.intn(200), c.intn(200)) },
	}
	for _, kind := range slices.Sorted(maps.Keys(credentials)) {
		for range 9 {
			c.users[kind] = append(c.users[kind], b.signUp(credentials[kind]()))
		}
	}
	return c
}
