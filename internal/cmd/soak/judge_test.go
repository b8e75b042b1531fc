package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/splice"
)

const page = "<!doctype html><html><head><title>T</title><script nonce=\"abc+\">a</script></head><body>B</body></html>"

// Every rule finds what it is there for, and nothing in a response that is right.
func TestJudge(t *testing.T) {
	header := http.Header{"X-Frame-Options": {"DENY"}, "Content-Security-Policy": {"script-src 'self' 'nonce-abc+'"}}
	fresh := http.Header{"X-Frame-Options": {"DENY"}, "Content-Security-Policy": {"script-src 'self' 'nonce-xyz1'"}}
	broken := errors.New("broken off")
	good := &answer{status: http.StatusOK, header: header, body: []byte(page)}
	renewed := strings.ReplaceAll(page, "abc+", "xyz1")
	errorPage := "<html><head>" + string(recovery.NoIndex()) + "</head><body></body></html>"

	passed := func(status int, body string, err error) *loaded {
		return &loaded{status: status, header: header, body: []byte(body), err: err}
	}
	early := func(body string, err error) *loaded {
		return &loaded{status: http.StatusOK, header: fresh, body: []byte(body), err: err}
	}
	leads := func(to *leading, err error) *loaded {
		l := early("", err)
		l.leads = to
		return l
	}
	moved := &answer{status: http.StatusFound, header: http.Header{"Location": {"/p/2"}}}

	for name, test := range map[string]struct {
		outcome string // "" if nothing was sent early
		got     *loaded
		answer  *answer
		refused bool
		crawler bool
		want    string
	}{
		"passed":                      {got: passed(200, page, nil), answer: good},
		"passed, another byte":        {got: passed(200, page[1:], nil), answer: good, want: faultPage},
		"passed, too short":           {got: passed(200, page[:9], nil), answer: good, want: faultEnd},
		"passed, broken off":          {got: passed(200, page[:9], broken), answer: good, want: faultFailure},
		"passed, no header":           {got: passed(0, "", broken), answer: good, want: faultFailure},
		"passed, another status":      {got: passed(500, page, nil), answer: good, want: faultPage},
		"passed, another header":      {got: early(page, nil), answer: good, want: faultPage},
		"passed, a nonce replaced":    {got: passed(200, renewed, nil), answer: good, want: faultPage},
		"passed, cut":                 {got: passed(200, page[:9], broken), answer: &answer{status: 200, header: header, body: []byte(page), cut: true}},
		"passed, cut, looks whole":    {got: passed(200, page[:9], nil), answer: &answer{status: 200, header: header, body: []byte(page), cut: true}, want: faultEnd},
		"passed, cut, no header":      {got: passed(0, "", broken), answer: &answer{cut: true}},
		"passed, visitor left":        {got: &loaded{status: 200, header: header, body: []byte(page[:9]), left: true}, answer: good},
		"passed, left, wrong":         {got: &loaded{status: 200, header: header, body: []byte("x"), left: true}, answer: good, want: faultPage},
		"no backend":                  {got: passed(502, "", nil), refused: true},
		"no backend, but there was":   {got: passed(502, "", nil), want: faultFailure},
		"no backend any more":         {got: passed(502, "", nil), answer: good, refused: true},
		"no backend, something else":  {got: passed(200, "", nil), refused: true, want: faultFailure},
		"silent":                      {got: passed(502, "", nil), answer: &answer{silent: true}},
		"merged":                      {outcome: "merged", got: early(renewed, nil), answer: good},
		"merged, another body":        {outcome: "merged", got: early(strings.Replace(renewed, "B", "C", 1), nil), answer: good, want: faultPage},
		"merged, the backend's nonce": {outcome: "merged", got: early(page, nil), answer: good, want: ""},
		"merged, an unknown nonce":    {outcome: "merged", got: early(strings.ReplaceAll(page, "abc+", "old1"), nil), answer: good, want: faultPage},
		"merged, another header":      {outcome: "merged", got: &loaded{status: 200, header: http.Header{}, body: []byte(renewed)}, answer: good, want: faultPage},
		"merged, another policy": {outcome: "merged", got: &loaded{status: 200, header: http.Header{
			"X-Frame-Options": {"DENY"}, "Content-Security-Policy": {"script-src * 'nonce-xyz1'"},
		}, body: []byte(renewed)}, answer: good, want: faultPage},
		"merged, broken off":            {outcome: "merged", got: early(renewed, broken), answer: good, want: faultFailure},
		"merged with an error":          {outcome: "merged", got: early(renewed, nil), answer: &answer{status: 500, header: header, body: []byte(page)}, want: faultPage},
		"merged, not 200":               {outcome: "merged", got: passed(404, page, nil), answer: good, want: faultPage},
		"exact, other bytes":            {outcome: "exact", got: early(renewed+" ", nil), answer: good, want: faultPage},
		"repaired without a script":     {outcome: "repaired", got: early(renewed, nil), answer: good, want: faultPage},
		"repaired for a crawler":        {outcome: "repaired", got: early(renewed, nil), answer: good, crawler: true, want: faultPage},
		"reloaded":                      {outcome: "reloaded", got: leads(&leading{}, errLeft), answer: good},
		"reloaded, looks whole":         {outcome: "reloaded", got: leads(&leading{}, nil), answer: good, want: faultEnd},
		"reloaded without a script":     {outcome: "reloaded", got: leads(nil, broken), answer: good, want: faultPage},
		"reloaded for a crawler":        {outcome: "reloaded", got: leads(&leading{}, broken), answer: good, crawler: true, want: faultPage},
		"redirected":                    {outcome: "redirected", got: leads(&leading{url: "/p/2"}, errLeft), answer: moved},
		"redirected to elsewhere":       {outcome: "redirected", got: leads(&leading{url: "/p/3"}, errLeft), answer: moved, want: faultPage},
		"redirected without a redirect": {outcome: "redirected", got: leads(&leading{url: "/p/2"}, errLeft), answer: good, want: faultPage},
		"failed":                        {outcome: "failed", got: early(errorPage, nil), answer: &answer{status: 500}},
		"failed, no backend":            {outcome: "failed", got: early(errorPage, nil), refused: true},
		"failed, for nothing":           {outcome: "failed", got: early(errorPage, nil), answer: good, want: faultFailure},
		"failed, not asked":             {outcome: "failed", got: early(errorPage, nil), want: faultFailure},
		"failed, broken off":            {outcome: "failed", got: early(errorPage, broken), answer: &answer{status: 500}, want: faultEnd},
		"failed, not ended":             {outcome: "failed", got: early(errorPage[:60], nil), answer: &answer{status: 500}, want: faultEnd},
		"failed, indexed":               {outcome: "failed", got: early(page, nil), answer: &answer{status: 500}, want: faultPage},
		"aborted":                       {outcome: "aborted", got: early("", broken), answer: &answer{cut: true}},
		"aborted, looks whole":          {outcome: "aborted", got: early("", nil), answer: &answer{cut: true}, want: faultEnd},
		"aborted, for nothing":          {outcome: "aborted", got: early("", broken), answer: good, want: faultFailure},
		"aborted, a crawler":            {outcome: "aborted", got: early("", broken), answer: good, crawler: true},
		"canceled by nobody":            {outcome: "canceled", got: early("", broken), answer: good, want: faultFailure},
		"canceled":                      {outcome: "canceled", got: &loaded{left: true}, answer: good},
		"unheard of":                    {outcome: "new", got: early("", broken), answer: good, want: faultPage},
	} {
		t.Run(name, func(t *testing.T) {
			e := &evidence{
				request: &request{host: hostPlain, path: "/p/1", method: http.MethodGet, crawler: test.crawler},
				got:     test.got, answer: test.answer, refused: test.refused,
				verdict: verdict{Level: "head", Outcome: test.outcome},
			}
			if test.outcome == "" {
				e.verdict.Level = "none"
			}
			if what, detail := e.judge(); what != test.want {
				t.Errorf("%q (%s), want %q", what, detail, test.want)
			}
		})
	}
}

func TestSamePolicy(t *testing.T) {
	for _, test := range []struct {
		got, want string
		same      bool
	}{
		{"script-src 'self'", "script-src 'self'", true},
		{"script-src 'self' 'nonce-a'", "script-src 'self' 'nonce-b'", true},
		{"script-src 'self'; script-src-elem 'self' 'nonce-a'", "script-src 'self'", true},
		{"script-src 'self'; script-src-elem *", "script-src 'self'", false},
		{"script-src *; script-src-elem 'self' 'nonce-a'", "script-src 'self'", false},
		{"", "script-src 'self'", false},
	} {
		if same := samePolicy(test.got, test.want); same != test.same {
			t.Errorf("%q, %q: %v", test.got, test.want, same)
		}
	}
}

func TestStrangers(t *testing.T) {
	l := &loaded{body: []byte("private-u7-1 private-u12-2"), header: http.Header{"X-Account": {"private-u3-1"}}}
	if got := strings.Join(strangers(l, 7), " "); got != "12 3" {
		t.Errorf("users %s", got)
	}
}

func TestFindLeading(t *testing.T) {
	lang := "de"
	edits := []splice.Edit{{Set: map[string]*string{"lang": &lang}}}
	repair := recovery.Repair(recovery.Permission{Script: true}, edits, recovery.Repaired{Secure: true, URL: "/p/1"})
	redirect := recovery.Redirect(recovery.Permission{Script: true}, "/p/2", nil)
	for name, test := range map[string]struct {
		markup []byte
		want   *leading
	}{
		"reload":   {recovery.Reload(recovery.Permission{Script: true}, true, "ticket", "/p/1"), &leading{cookie: "__Host-headstart=reload.ticket"}},
		"redirect": {redirect, &leading{url: "/p/2"}},
		"repair":   {repair, nil},
		"both":     {append(repair, redirect...), &leading{url: "/p/2"}},
	} {
		got := findLeading(append([]byte("<html><head>"), test.markup...))
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
		if half := findLeading(test.markup[:len(test.markup)/3]); half != nil {
			t.Errorf("%s, a part of it: %+v", name, half)
		}
	}
}

func TestTally(t *testing.T) {
	s := newTally()
	if n := s.repeated("script-src 'nonce-a' 'nonce-b'; style-src 'nonce-a'"); n != "" {
		t.Errorf("%s within one policy", n)
	}
	if n := s.repeated("script-src 'nonce-b'"); n != "b" {
		t.Errorf("repeated %q", n)
	}
	for range maxFaults {
		if !s.find(fault{What: faultPage}) {
			t.Error("one of the first is not kept")
		}
	}
	if s.find(fault{What: faultPage}) || s.total("fault") != maxFaults+1 || len(s.faults) != maxFaults {
		t.Errorf("%d faults, %d kept", s.total("fault"), len(s.faults))
	}
}

// What is no log, and panics, are faults; an access reaches who waits for it, in
// whatever pieces it comes.
func TestAccessLog(t *testing.T) {
	counts := newTally()
	log := newAccessLog(counts)
	verdicts := log.expect(5)
	q := request{id: 5, client: newClient(randomOf(1, 1))}
	text := `{"logger":"http.log.access.log0","request":{"headers":{"X-Forwarded-For":["` + q.forwardedFor() + `"]}},` +
		`"headstart":{"level":"head","outcome":"exact"}}` + "\n" +
		`{"level":"error","logger":"http.stdlib","msg":"http: panic serving"}` + "\n" + "WARNING: DATA RACE\n" +
		`{"level":"warn","logger":"admin","msg":"disabled"}` + "\n"
	for i := range len(text) {
		if _, err := log.Write([]byte{text[i]}); err != nil {
			t.Fatal(err)
		}
	}
	if v := <-verdicts; v.Outcome != "exact" {
		t.Errorf("%+v", v)
	}
	if n := counts.total("fault"); n != 2 || counts.counts["log"]["warn admin: disabled"] != 1 {
		t.Errorf("%d faults, log %v", n, counts.counts["log"])
	}
}

func TestCompare(t *testing.T) {
	at := func(when string, goroutines int, heap uint64, bytes float64) sample {
		return sample{When: when, Seconds: 300, Goroutines: goroutines, Heap: heap, PageBytes: bytes}
	}
	warm := at("warm", 20, 10<<20, 0)
	for name, test := range map[string]struct {
		end      sample
		seconds  float64
		faults   int
		compared bool
	}{
		"alike":           {at("end", 22, 11<<20, 0), 300, 0, true},
		"goroutines":      {at("end", 20+moreGoroutines+1, 11<<20, 0), 300, 1, true},
		"heap":            {at("end", 22, 11<<20+moreHeap, 0), 300, 1, true},
		"heap, for pages": {at("end", 22, 11<<20+moreHeap, 4<<20), 300, 0, true},
		"too short":       {at("end", 1000, 11<<30, 0), 30, 0, false},
	} {
		s := &soak{tally: newTally()}
		test.end.Seconds = test.seconds
		s.samples = []sample{warm, at("busy", 1000, 1<<30, 0), test.end}
		if compared := s.compare(); compared != test.compared || s.tally.total("fault") != test.faults {
			t.Errorf("%s: compared %v, %d faults", name, compared, s.tally.total("fault"))
		}
	}
}
