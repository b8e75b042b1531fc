package module_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// attackGlobals are the global options of the attacked Caddy. Most of its
// visitors come straight to it, so that nothing they send is believed; the PROXY
// protocol gives them addresses of their own. Those who come without it come
// through a trusted proxy.
const attackGlobals = `servers {
		listener_wrappers {
			proxy_protocol {
				allow 127.0.0.1/8
			}
			tls
		}
		trusted_proxies static 127.0.0.1/8
		client_ip_headers X-Forwarded-For
	}`

// A person is somebody with an address and a browser.
type person struct {
	address string
	dress   lessonDress
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"

var (
	// honestPeople are of as many networks, and use as many browsers, as it takes to
	// teach a page in scope public.
	honestPeople = []person{
		{"192.0.2.7", undressed},
		{"198.51.100.7", undressed},
		{"203.0.113.7", with("User-Agent", firefox)},
	}
	// attackers are of three other networks, and two browsers. Most attacks come from
	// the first alone.
	attackers = []person{
		{"233.252.0.66", undressed},
		{"198.18.5.66", with("User-Agent", firefox)},
		{"198.19.9.66", undressed},
	}
)

// attackField is a Caddy with sites that differ by port only, in front of a
// backend that repeats what it is told.
type attackField struct {
	*lesson
	a        attack
	backend  *attackBackend
	paths    []string
	visitors map[string]*visitor
	t        *testing.T // of the whole attack: visitors outlive a phase
	lastLog  logEntry   // of the last request that Caddy logged
}

func startAttack(t *testing.T, a attack) *attackField {
	t.Helper()
	origin := startOrigin(t)
	f := &attackField{
		a:        a,
		backend:  &attackBackend{reads: a.reads, answer: a.answer},
		paths:    a.paths,
		visitors: make(map[string]*visitor),
		t:        t,
	}
	if f.backend.reads == nil {
		f.backend.reads = markedParts
	}
	if len(f.paths) == 0 {
		f.paths = []string{"/page"}
	}
	headstart := "headstart {\nmin_wait 0\n" + a.options + "\n}\n"
	proxy := "reverse_proxy " + origin.Addr()
	if a.slow {
		headstart = strings.Replace(headstart, "min_wait 0", "min_wait 30ms", 1)
	}
	// The guard of forward_auth knows one user.
	origin.Handle("/verify", testorigin.Header(http.StatusOK, "Remote-User", marker))
	site := strings.NewReplacer("APP", headstart+proxy, "HEADSTART", headstart, "BACKEND", origin.Addr()).Replace(cmp.Or(a.site, "APP"))
	var text strings.Builder
	for _, name := range []string{"control", "learning", "learned", "alone"} {
		address := "http://:<" + name + ">, https://example.test:<" + name + "_tls>"
		if a.secure {
			address = "https://example.test:<" + name + "_tls>"
		}
		fmt.Fprintf(&text, "\n%s {\n\tlog\n\t%s\n}\n", address, site)
	}
	if a.slow {
		t.Cleanup(module.SetClock(f.backend.clock))
	}
	f.lesson = startLesson(t, origin, text.String(), attackGlobals)
	f.answers()
	return f
}

// answers lets the backend answer at once.
func (f *attackField) answers() {
	f.origin.Handle("*", testorigin.Serve(f.backend.ServeHTTP))
}

// honest are those who teach the page, followed by those of another audience.
func (f *attackField) honest() []person {
	people := slices.Clip(honestPeople)
	for i, dress := range f.a.others {
		who := honestPeople[i%len(honestPeople)]
		people = append(people, person{who.address, both(who.dress, dress)})
	}
	return people
}

// visitorOf returns the connections of a person.
func (f *attackField) visitorOf(who person, protocol string, badge bool) *visitor {
	f.t.Helper()
	key := fmt.Sprint(who.address, protocol, badge)
	if v := f.visitors[key]; v != nil {
		return v
	}
	v := newVisitor(f.t, protocol)
	tr := v.transport.(*http.Transport)
	tr.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) { return f.dial(ctx, who, addr) }
	if badge {
		badge, err := tls.X509KeyPair([]byte(selfSigned()["certificate"]), []byte(selfSigned()["key"]))
		if err != nil {
			f.t.Fatal(err)
		}
		tr.TLSClientConfig.Certificates = []tls.Certificate{badge}
	}
	f.visitors[key] = v
	return v
}

// dial connects somebody to Caddy.
func (f *attackField) dial(ctx context.Context, who person, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil || f.a.proxied {
		return conn, err
	}
	_, port, _ := net.SplitHostPort(addr)
	if _, err := fmt.Fprintf(conn, "PROXY TCP4 %s 127.0.0.1 50000 %s\r\n", who.address, port); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// request makes a person's request.
func (f *attackField) request(t *testing.T, v *visitor, site, path string, who person, dresses ...lessonDress) *http.Request {
	t.Helper()
	req := navigate(t, v.url(t, f.caddyServer, site, path))
	if f.a.proxied {
		from(who.address)(req)
	}
	who.dress(req)
	for _, dress := range dresses {
		dress(req)
	}
	return req
}

// logged returns what the access log says of the request that has just ended.
func (f *attackField) logged(t *testing.T, target string) logEntry {
	t.Helper()
	path, _, _ := strings.Cut(target, "?")
	f.seen[path]++
	f.lastLog = f.logs.access(t, f.seen[path], path)[f.seen[path]-1]
	return f.lastLog
}

// load lets an honest visitor load the page, and checks that it is the backend's
// own, early or not. It returns what came early.
func (f *attackField) load(t *testing.T, site string, who person, path string) (early string) {
	t.Helper()
	v := f.visitorOf(who, f.a.protocolOf(), false)
	said := f.backend.said.Load()
	r := v.send(t, f.request(t, v, site, path, who))
	body, end := r.rest(t)
	f.logged(t, path)
	if r.Status != http.StatusOK || end != cleanEnd || !f.isPage(t, body) {
		t.Fatalf("an honest visitor gets status %d, %s, %q, want %q; %v", r.Status, end, plainly(body), f.page(t), f.lastLog["headstart"])
	}
	if f.backend.said.Load() != said {
		t.Fatal("the backend takes an honest visitor for the attacker")
	}
	return f.early(t, path, body)
}

// early returns what of the last body was sent before the backend answered, as
// far as Headstart's own log knows.
func (f *attackField) early(t *testing.T, path, body string) string {
	t.Helper()
	own := f.logs.own(t, 1, path)
	flushed, _ := own[len(own)-1]["flushed"].(float64)
	return plainly(body[:int(flushed)])
}

// page is the backend's own page for honest visitors.
func (f *attackField) page(t *testing.T) string {
	t.Helper()
	w := newPageWriter()
	f.a.answer(w, newRequest(t, http.MethodGet, "http://"+host+f.paths[0], nil), "")
	return plainly(w.body.String())
}

// isPage reports whether a visitor got the backend's own page. Only where the page
// itself has what is sent late, it may be so behind the script that moves it.
func (f *attackField) isPage(t *testing.T, body string) bool {
	t.Helper()
	if !f.a.stored || plainly(body) == f.page(t) {
		return plainly(body) == f.page(t)
	}
	err := domtest.Check([]byte(f.page(t)), []byte(body), "merged", recovery.Prefix)
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// attackView is what an honest visitor gets early.
type attackView struct {
	Status int
	Header http.Header
	Early  string
}

// view lets an honest visitor load the page, which must come early, and then as
// the backend's own.
func (f *attackField) view(t *testing.T, site string, who person) attackView {
	t.Helper()
	// This visit tells sooner what is wrong than a gate.
	early := f.load(t, site, who, f.paths[0])
	if !strings.Contains(early, attackMark) {
		t.Fatalf("only %q comes early: %v", early, f.lastLog["headstart"])
	}
	v := f.visitorOf(who, f.a.protocolOf(), false)
	gate := testorigin.NewGate()
	f.origin.Handle("*", testorigin.Wait(gate), testorigin.Serve(f.backend.ServeHTTP))
	r := v.send(t, f.request(t, v, site, f.paths[0], who))
	await(t, "the request at the backend", gate.Arrived())
	f.answers()
	r.readUntil(t, attackMark)
	r.stillOpen(t)
	gate.Open()
	body, end := r.rest(t)
	f.logged(t, f.paths[0])
	if outcome := f.lastLog.field("headstart", "outcome"); outcome != "exact" && outcome != "merged" || end != cleanEnd || !f.isPage(t, body) {
		t.Fatalf("the page ends with %s, %q, want %q; %v", end, plainly(body), f.page(t), f.lastLog["headstart"])
	}
	view := attackView{r.Status, r.Header.Clone(), f.early(t, f.paths[0], body)}
	view.Header.Del("Date")
	view.Header.Del("Alt-Svc") // names the site's port
	for name, values := range view.Header {
		for i, value := range values {
			values[i] = anyNonce.ReplaceAllString(value, "nonce")
		}
		if text := strings.ToLower(name + strings.Join(values, " ")); strings.Contains(text, marker) && !f.a.stored {
			t.Errorf("the attacker got into a header: %s: %q", name, values)
		}
		if strings.Contains(strings.ToLower(name), marker) {
			t.Errorf("the attacker made a header: %s: %q", name, values)
		}
	}
	if strings.Contains(strings.ToLower(view.Early), marker) && !f.a.stored {
		t.Errorf("the attacker got into the page: %q", view.Early)
	}
	return view
}

var anyNonce = regexp.MustCompile(`nonce(-|=")[A-Za-z0-9+/=_-]+`)

// plainly takes padding and nonces out of a page.
func plainly(body string) string {
	return anyNonce.ReplaceAllString(unpad(body), "nonce")
}

// assail sends one request of an attacker, and returns the status that it gets.
func (f *attackField) assail(t *testing.T, site string, who person, i int) int {
	t.Helper()
	path := cmp.Or(f.a.path, f.paths[i%len(f.paths)])
	f.lastLog = nil
	if f.a.raw != "" {
		return f.assailRaw(t, site, who)
	}
	v := f.visitorOf(who, f.a.attackerProtocol(), f.a.badge)
	var dresses []lessonDress
	if len(f.a.send) > 0 {
		dresses = f.a.send[i%len(f.a.send) : i%len(f.a.send)+1]
	}
	req := f.request(t, v, site, path, who, dresses...)
	r := v.send(t, req)
	r.rest(t)
	if f.a.fate != refused {
		f.logged(t, req.URL.RequestURI())
	}
	return r.Status
}

// assailRaw sends one by hand.
func (f *attackField) assailRaw(t *testing.T, site string, who person) (status int) {
	t.Helper()
	conn, err := f.dial(bounded(t), who, f.addr(t, site))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	lines := strings.ReplaceAll(strings.ReplaceAll(f.a.raw, "HOST", host), " | ", "\r\n")
	if _, err := io.WriteString(conn, lines+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	text, _ := startStream(t, &recorder{from: conn}, "", conn.Close).rest(t)
	if f.a.fate != refused {
		f.logged(t, strings.Fields(f.a.raw)[1])
	}
	_, _ = fmt.Sscanf(text, "HTTP/1.%d %d", new(int), &status)
	return status
}

// pageWriter takes in a page without a connection.
type pageWriter struct {
	header http.Header
	body   strings.Builder
}

func newPageWriter() *pageWriter { return &pageWriter{header: make(http.Header)} }

func (w *pageWriter) Header() http.Header         { return w.header }
func (w *pageWriter) Write(p []byte) (int, error) { return w.body.Write(p) }
func (w *pageWriter) WriteHeader(int)             {}
