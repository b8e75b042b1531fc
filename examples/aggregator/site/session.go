package site

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const sessionAge = 24 * time.Hour

// session is what the cookie holds: who is signed in, if anyone, and the token
// that every form has to send back.
type session struct {
	User string `json:"user,omitempty"`
	CSRF string `json:"csrf"`
}

func newSession(user string) session {
	return session{User: user, CSRF: rand.Text()}
}

// allows tells whether r was sent by a form of this session.
func (s session) allows(r *http.Request) bool {
	sent := []byte(r.PostFormValue("csrf"))
	return s.CSRF != "" && subtle.ConstantTimeCompare(sent, []byte(s.CSRF)) == 1
}

// sessionKey signs cookies, so that the site need not store sessions. It is
// new at each start, which signs everybody out.
type sessionKey [32]byte

func newSessionKey() sessionKey {
	var k sessionKey
	_, _ = rand.Read(k[:]) // never fails
	return k
}

func (k sessionKey) sign(payload string) string {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// read returns the session of r, or an empty one if its cookie is missing or
// not ours.
func (k sessionKey) read(r *http.Request) session {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return session{}
	}
	payload, signature, _ := strings.Cut(cookie.Value, ".")
	if !hmac.Equal([]byte(signature), []byte(k.sign(payload))) {
		return session{}
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return session{}
	}
	var s session
	if json.Unmarshal(text, &s) != nil {
		return session{}
	}
	return s
}

// write sets the cookie for s.
func (k sessionKey) write(w http.ResponseWriter, r *http.Request, s session) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	payload := base64.RawURLEncoding.EncodeToString(text)
	setCookie(w, r, payload+"."+k.sign(payload), int(sessionAge.Seconds()))
	return nil
}

// drop removes the cookie.
func (k sessionKey) drop(w http.ResponseWriter, r *http.Request) {
	setCookie(w, r, "", -1)
}

func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure on https; the demo is served on plain http, too
		Name:     cookieName(r),
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   isSecure(r),
		SameSite: http.SameSiteLaxMode,
	})
}

// cookieName depends on the scheme: on http, a browser would not let us replace
// a cookie that was set on https.
func cookieName(r *http.Request) string {
	if isSecure(r) {
		return "__Host-planet_session"
	}
	return "planet_session"
}

// isSecure tells whether the visitor has come by https, as the proxy says.
func isSecure(r *http.Request) bool {
	return r.Header.Get("X-Forwarded-Proto") == "https"
}
