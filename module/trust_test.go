package module_test

import (
	"net/http"
	"strings"
	"testing"
)

// throughCDN dresses a request as one that came through Cloudflare.
func throughCDN(r *http.Request) {
	for name, value := range map[string]string{
		"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Proto": "https", "Cf-Ray": "96a16390d8f6f3a7-DME", "Cf-Connecting-Ip": "10.0.0.9",
		"Cf-Visitor": `{"scheme":"https"}`, "Cdn-Loop": "cloudflare; loops=1", "Cf-Ipcountry": "DE",
	} {
		r.Header.Set(name, value)
	}
}

const cdnNames = "trust_header Cf-Ray cf-connecting-ip Cf-Visitor Cdn-Loop Cf-Ipcountry"

// cdnSite is a site that believes, or does not believe, the proxy in front.
func cdnSite(t *testing.T, options string, globalOptions ...string) *lesson {
	t.Helper()
	origin := startOrigin(t)
	return startLesson(t, origin, "http://:<site> {\nlog\nheadstart {\nmin_wait 0\n"+options+"\n}\nreverse_proxy "+origin.Addr()+"\n}\n", globalOptions...)
}

// TestTrustHeader checks that pages behind a CDN are learned and sent early if its
// headers are named and it is a trusted proxy, and only then.
func TestTrustHeader(t *testing.T) {
	v := newVisitor(t, "h1")
	refused := func(t *testing.T, l *lesson, path string, dress lessonDress) {
		t.Helper()
		l.plain(t, v, "site", path, lessonPage, "not_clean", throughCDN, dress)
	}
	t.Run("named, from a trusted proxy", func(t *testing.T) {
		l := cdnSite(t, cdnNames, lessonProxies)
		l.teach(t, v, "site", "/", lessonClass(throughCDN)...)
		another := func(r *http.Request) { // the page is the same for another ray, address and country
			throughCDN(r)
			r.Header.Set("Cf-Ray", "1")
			r.Header.Set("Cf-Ipcountry", "FR")
		}
		l.early(t, v, "site", "/", another)
		refused(t, l, "/", with("Cf-Ray", "<script>"))
		refused(t, l, "/", with("Cf-Visitor", `{"scheme":"https","x":"</script>"}`))
		refused(t, l, "/", with("Cf-Ew-Via", "15"))
		refused(t, l, "/", func(r *http.Request) { r.Header["Cf-Ray"] = []string{"1", "2"} })
		// http and https are two pages.
		l.plain(t, v, "site", "/", lessonPage, "not_learned", throughCDN, with("Cf-Visitor", `{"scheme":"http"}`))
	})
	t.Run("named, from anybody", func(t *testing.T) {
		l := cdnSite(t, cdnNames)
		l.serve("/", lessonHTML(lessonPage))
		refused(t, l, "/", undressed)
		l.plain(t, v, "site", "/", lessonPage, "not_clean", with("Cf-Ray", "1"))
	})
	t.Run("not named", func(t *testing.T) {
		l := cdnSite(t, "", lessonProxies)
		l.serve("/", lessonHTML(lessonPage))
		refused(t, l, "/", undressed)
	})
}

// TestSessionCookie checks that visitors with other cookies get what visitors
// without any have earned, and teach nothing.
func TestSessionCookie(t *testing.T) {
	l := keysSite(t, "session_cookie sessionid wp_*")
	consent, session := with("Cookie", "consent=1; _ga=GA1.1.2"), with("Cookie", "consent=1; wp_5f=x")
	v := newVisitor(t, "h1")

	l.serve("/", lessonHTML(lessonPage))
	for range 2 * lessonVisits {
		if x := l.plain(t, v, "site", "/", lessonPage, "not_learned", consent); x.headstart("audience") != "anonymous" {
			t.Errorf("with a consent cookie: %v", x.log.field("headstart"))
		}
	}
	l.visits(t, v, "/", lessonPage, lessonVisits) // so far nobody has taught anything
	l.early(t, v, "site", "/", consent)
	if x := l.plain(t, v, "site", "/", lessonPage, "not_learned", session); x.headstart("audience") != "returning" {
		t.Errorf("with a session: %v", x.log.field("headstart"))
	}
	if x := l.plain(t, v, "site", "/", lessonPage, "not_learned", with("Cookie", "consent")); x.headstart("audience") != "returning" {
		t.Errorf("with a cookie that is none: %v", x.log.field("headstart"))
	}
	l.plain(t, v, "site", "/", lessonPage, "", session)
	l.early(t, v, "site", "/", session)

	// What such a visitor is shown alone is never shown to others.
	personal := strings.Replace(lessonPage, lessonMark, "/personal.css", 1)
	l.serve("/personal", lessonHTML(personal))
	for range 2 * lessonVisits {
		l.plain(t, v, "site", "/personal", personal, "not_learned", consent)
	}
	l.serve("/personal", lessonHTML(lessonPage))
	l.visits(t, v, "/personal", lessonPage, lessonVisits)
}
