package module_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Every secret begins with the same sign, so that one look finds all of them, also
// a piece of one. Letters and digits have one form in HTML, JSON and URLs.
const (
	secretSign = "Zq7pRivat"
	secretSize = 27 // bytes; a multiple of three, for base64
)

// secretForms are the ways in which a page may hold a secret.
var secretForms = []struct {
	name   string
	encode func([]byte) string
	decode func(string) ([]byte, error)
}{
	{"plain", func(b []byte) string { return string(b) }, func(s string) ([]byte, error) { return []byte(s), nil }},
	{"base64", base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString},
	{"hex", hex.EncodeToString, hex.DecodeString},
}

// A privateText is something that belongs to one response, or to one user.
type privateText struct {
	visit int    // whose it is
	what  string // for messages
	// storable secrets came with an answer to a clean request. Those may be
	// kept, to compare the next one with, but not sent to anybody.
	storable bool
}

// secrets are all that there are.
type secrets struct {
	rng *rand.Rand

	mu    sync.Mutex // protects what follows
	known map[string]privateText
}

// mint makes a secret.
func (s *secrets) mint(of privateText) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	text := []byte(secretSign)
	for len(text) < secretSize {
		text = append(text, alphabet[s.rng.IntN(len(alphabet))])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[string(text)] = of
	return string(text)
}

// find returns the secrets in a text, in whatever form. A piece of one, or one
// that nobody made, is a secret of visit -1.
func (s *secrets) find(text string) (found []privateText) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, form := range secretForms {
		sign := form.encode([]byte(secretSign))
		size := len(form.encode(make([]byte, secretSize)))
		for rest := text; ; {
			at := strings.Index(rest, sign)
			if at < 0 {
				break
			}
			rest = rest[at:]
			piece := rest[:min(size, len(rest))]
			decoded, _ := form.decode(piece)
			of, ok := s.known[string(decoded)]
			if !ok {
				of = privateText{visit: -1, what: "a piece: " + piece}
			}
			found = append(found, of)
			rest = rest[len(sign):]
		}
	}
	return found
}

// absent fails if there is any secret in a text.
func (s *secrets) absent(t *testing.T, where, text string) {
	t.Helper()
	if found := s.find(text); len(found) > 0 {
		t.Errorf("%s: %+v", where, found[:min(len(found), 3)])
	}
}

// caddysOwn are fields of the log lines of Caddy's own modules: what the visitor
// and the backend sent, and who signed in. Caddy writes them with or without
// Headstart, and they can be switched off (`log` with `format filter`).
var caddysOwn = [][]string{
	{"request", "headers"},
	{"request", "tls"},
	{"resp_headers"}, // of the access log
	{"headers"},      // of reverse_proxy, at level debug
	{"user_id"},
}

// withoutCaddysOwn returns a log line without these fields. A line of Headstart's
// stays as it is.
func withoutCaddysOwn(line string) string {
	e := parseEntry([]byte(line))
	if logger, _ := e["logger"].(string); strings.Contains(logger, "headstart") || e["level"] == "not json" {
		return line
	}
	for _, names := range caddysOwn {
		m, last := map[string]any(e), len(names)-1
		for _, name := range names[:last] {
			m, _ = m[name].(map[string]any)
		}
		delete(m, names[last])
	}
	text, err := json.Marshal(e)
	if err != nil {
		return line
	}
	return string(text)
}

// TestSecretsAreFound checks the means by which TestPrivacy looks for secrets.
func TestSecretsAreFound(t *testing.T) {
	s := secrets{rng: rand.New(rand.NewPCG(1, 1)), known: make(map[string]privateText)}
	one, two := s.mint(privateText{visit: 1}), s.mint(privateText{visit: 2})
	for _, form := range secretForms {
		found := s.find("a" + form.encode([]byte(one)) + "&amp;" + form.encode([]byte(two)))
		visits := slices.Sorted(maps.Keys(map[int]bool{found[0].visit: true, found[1].visit: true}))
		if len(found) != 2 || !slices.Equal(visits, []int{1, 2}) {
			t.Errorf("%s: found %v", form.name, found)
		}
	}
	if found := s.find(one[:secretSize-1]); len(found) != 1 || found[0].visit != -1 {
		t.Errorf("a piece: found %v", found)
	}
	line := `{"logger":"http.log.access","request":{"headers":{"A":"` + one + `"},"uri":"/` + two + `"},"headstart":{"level":"none"}}`
	if found := s.find(withoutCaddysOwn(line)); len(found) != 1 || found[0].visit != 2 {
		t.Errorf("in a log line: found %v", found)
	}
	if own := `{"logger":"http.handlers.headstart","headers":"` + one + `"}`; withoutCaddysOwn(own) != own {
		t.Error("a line of Headstart's is cut")
	}
}
