package module_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testbrowser"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A shellCase is one page of which the body comes early, too, and what the backend
// then answers.
type shellCase struct {
	name    string
	learned served // {visit} in it is another number each time
	// signedIn is the page as visitors with a cookie get it, if there are any. The
	// browser is one of them then.
	signedIn *served
	answer   []testorigin.Step // what was learned if nil
	level    string            // "shell" if empty
	outcome  string            // of all documents at this path, in alphabetical order; "exact" if empty

	// early and late are selectors: what is there while the backend is held, "footer"
	// if empty, and what is not yet.
	early, late string

	// before runs before the browser comes.
	before func(s *browserSites)
	// held runs while the backend is held, and afterwards the gate opens.
	held func(t *testing.T, s *browserSites, b *tab)
	// answered runs behind that: the backend may still be held in the middle.
	answered func(t *testing.T, s *browserSites, b *tab)
	// landed is a script that runs in both pages when they stand, and looks is an
	// expression that must have the same value in both then.
	landed, looks string
	// seen is an expression that must be true in the early page when it stands.
	seen string

	// These are as in browserCase.
	want     string
	place    string
	extra    []string
	loads    int
	requests int
	handicap string
	cookie   string
	whole    bool
}

// session is the cookie of visitors who are signed in.
const session = "session=ann"

// run loads the page early and directly, and compares.
func (test shellCase) run(t *testing.T, s *browserSites, protocol string) {
	s.count++
	path := "/page" + strconv.Itoa(s.count)
	v := newVisitor(t, protocol)
	same := test.asBrowserCase()
	same.taught = s.teach(t, v, "site", path, test.learned, "")
	if test.signedIn != nil {
		same.taught += s.teach(t, v, "site", path, *test.signedIn, session)
	}
	answer := test.answer
	if answer == nil {
		answer = test.learned.steps()
	}
	gate := testorigin.NewGate()
	s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, answer...)...)
	fragment, place := same.goal(path)
	if test.before != nil {
		test.before(s)
	}
	b := s.tab(t, test.handicap)
	if test.signedIn != nil {
		name, value, _ := strings.Cut(session, "=")
		testbrowser.Command(t, b, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: s.address(t, v, "site", path)})
	}
	scripts := test.handicap != "scripts"
	got := load(t, b, s.address(t, v, "site", path)+fragment, place, scripts, func() {
		await(t, "the request at the backend", gate.Arrived())
		if scripts && test.level == "" {
			test.comesEarly(t, b)
		}
		if test.held != nil {
			test.held(t, s, b)
		}
		gate.Open()
		if test.answered != nil {
			test.answered(t, s, b)
		}
	})
	if test.seen != "" && !testbrowser.Evaluate[bool](t, b, test.seen) {
		t.Errorf("not true: %s", test.seen)
	}
	gotLooks := test.stand(t, b, &got, scripts)
	requests := s.requests(t, path)

	if test.want != "" {
		s.origin.Handle(path, served{body: test.want}.steps()...)
	}
	want := load(t, b, s.address(t, v, "direct", path)+fragment, place, scripts, func() {})
	wantLooks := test.stand(t, b, &want, scripts)
	same.compare(t, want, got)
	gotLooks = besides(t, gotLooks, test.extra)
	if diff := cmp.Diff(wantLooks, gotLooks); diff != "" {
		t.Errorf("head in order, and what is looked at (-loaded directly +as it is):\n%s", diff)
	}
	same.count(t, s, path, got.loads, requests)
	level := test.level
	if level == "" {
		level = "shell"
	}
	if got := s.c.logs.access(t, same.taught+1, path)[same.taught].field("headstart", "level"); test.loads < 2 && same.outcome != "reloaded" && got != level {
		t.Errorf("level %q, want %q", got, level)
	}
}

// asBrowserCase is what has to hold for pages of which only the head comes early, too.
func (test shellCase) asBrowserCase() browserCase {
	same := browserCase{
		outcome: test.outcome, place: test.place, extra: test.extra, loads: test.loads, requests: test.requests,
		cookie: test.cookie, whole: test.whole,
	}
	if same.outcome == "" {
		same.outcome = "exact"
	}
	return same
}

// comesEarly waits for what comes early, and checks that no more does.
func (test shellCase) comesEarly(t *testing.T, b *tab) {
	t.Helper()
	early := test.early
	if early == "" {
		early = "footer"
	}
	testbrowser.Await(t, b, "document.querySelector("+strconv.Quote(early)+")")
	if test.late != "" && testbrowser.Evaluate[bool](t, b, "!!document.querySelector("+strconv.Quote(test.late)+")") {
		t.Errorf("%s came early", test.late)
	}
}

// stand looks closer at a page that stands: at its head in order, and at what the
// case asks for.
func (test shellCase) stand(t *testing.T, b *tab, l *landing, scripts bool) []string {
	t.Helper()
	if test.landed != "" {
		testbrowser.Evaluate[any](t, b, test.landed)
		l.dump = testbrowser.Evaluate[dump](t, b, dumping(scripts))
	}
	looks := test.looks
	if looks == "" {
		looks = "''"
	}
	return testbrowser.Evaluate[[]string](t, b, `[...document.head.children].map(e =>
		"<" + e.localName + [...e.attributes].map(a => a.name == "nonce" ? " nonce" : " " + a.name + "=" + JSON.stringify(a.value)).sort().join("") + ">" +
		e.textContent).concat(String(`+looks+`))`)
}

// A page of which the body came early ends up as the backend's.
func TestBrowserShell(t *testing.T) {
	s := startBrowserSites(t, "")
	groups := []struct {
		name  string
		cases func() []shellCase // with gates that are used once
	}{
		{"same", shellsThatStay},
		{"changed", shellsThatChange},
		{"touched", shellsThatAreTouched},
		{"surprise", shellSurprises},
	}
	for _, protocol := range []string{"h1", "h2"} {
		for _, group := range groups {
			for _, test := range group.cases() {
				t.Run(protocol+"/"+group.name+"/"+test.name, func(t *testing.T) { test.run(t, s, protocol) })
			}
		}
	}
}
