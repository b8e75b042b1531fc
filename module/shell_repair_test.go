package module_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// listPage is a page with a list, whose title differs each time.
func listPage(title string, entries ...string) string {
	return bodyHead + "<title>" + title + "</title>" + bodyNav + "<main><ul>\n<li>" + strings.Join(entries, "\n<li>") + "</ul></main>" + bodyEnd
}

// shellRepairs are pages that differ behind what was learned, inside of what was sent.
var shellRepairs = []struct {
	name            string
	learned, answer string
	outcome         string
}{
	{"an entry in the middle", listPage("A", "one", "two", "three"), listPage("A", "one", "2", "three"), "repaired"},
	{"an entry more", listPage("A", "one", "two", "three"), listPage("A", "one", "one and a half", "two", "three"), "repaired"},
	{"an entry less", listPage("A", "one", "two", "three"), listPage("A", "one", "three"), "repaired"},
	{"an entry, and another title", listPage("A", "one", "two", "three"), listPage("B", "one", "2", "three"), "repaired"},
	{"the navigation", listPage("A", "one"), strings.Replace(listPage("A", "one"), "Home", "Start", 1), "repaired"},
	{"the end of the document", listPage("A", "one"), strings.TrimSuffix(listPage("A", "one"), "</ul></main>"+bodyEnd), "repaired"},
	{"another title only", listPage("A", "one"), listPage("B", "one"), "repaired"},
	{"markup in an entry", listPage("A", "one", "two"), listPage("A", "one", "<b>two</b> <i>2</i>"), "repaired"},
}

// A difference in what was sent of the body is corrected in the page, wherever the
// stream is cut; the page is asked for once.
func TestShellRepairs(t *testing.T) {
	for _, outer := range []string{"", "encode gzip"} {
		s := startEarly(t, shell, outer)
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for i, test := range shellRepairs {
				t.Run(outer+" "+test.name, func(t *testing.T) {
					for name, answer := range map[string][]testorigin.Step{
						"whole":    htmlPage(test.answer),
						"bytewise": {testorigin.Header(200, htmlHeader(nil)...), testorigin.Bytewise(test.answer)},
					} {
						path := fmt.Sprintf("/%s/%d/%s", v.protocol, i, name)
						s.learn(t, v, path, func(int) string { return test.learned }, 0)
						early := strings.TrimSuffix(test.learned, bodyEnd)
						r, gate := s.held(t, v, path, early, answer)
						gate.Open()
						s.joins(t, r, path, early, test.answer, test.outcome)
					}
				})
			}
		})
	}
}

// What a script, or what runs like one, has done in the removed part cannot be taken
// back: the page loads again, and gets the answer that was parked.
func TestShellReloads(t *testing.T) {
	s := startEarly(t, shell, "")
	parts := map[string]string{
		"a script":        "<script>one()</script>",
		"a handler":       `<img src=/x onload="one()">`,
		"a frame":         "<iframe src=/x></iframe>",
		"an object":       "<object data=/x></object>",
		"a custom event":  `<p onclick="one()">x</p>`,
		"a shadow root":   "<div><template shadowrootmode=open><p>x</template></div>",
		"a script behind": "<p>x</p><p>y</p><script src=/x.js></script>",
	}
	eachProtocol(t, func(t *testing.T, v *visitor) {
		for name, part := range parts {
			t.Run(name, func(t *testing.T) {
				path := "/" + v.protocol + "/" + strings.ReplaceAll(name, " ", "-")
				learned := listPage("A", "one", "two"+part)
				s.learn(t, v, path, func(int) string { return learned }, 0)
				gate := testorigin.NewGate()
				answer := listPage("A", "one", "2"+part)
				s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(answer)...)...)
				r := s.visit(t, v, path)
				await(t, "the request at the backend", gate.Arrived())
				early := r.readUntil(t, "</nav>")
				s.origin.Handle(path, htmlPage(secondAnswer)...)
				gate.Open()
				if !strings.Contains(early, part) {
					// It is not modeled, so that the opening ends in front of it.
					if body, end := r.rest(t); end != cleanEnd || strings.Count(body, part) != 1 {
						t.Errorf("%s, %q", end, unpad(body))
					}
					return
				}
				marker := r.marker(t)
				r.resp.Body.Close()
				s.logged(t, teachers+1, path)
				r = s.visit(t, v, path, "Cookie", marker)
				if body, end := r.rest(t); body != answer || end != cleanEnd {
					t.Errorf("the reload gets %s, %q", end, body)
				}
			})
		}
	})
}

// A repair lowers the depth to where the page differed, and good answers earn it back.
func TestShellDepthAfterRepair(t *testing.T) {
	// A page that is known is read again every few minutes.
	var minutes atomic.Int64
	start := time.Now()
	t.Cleanup(module.SetClock(func() time.Time { return start.Add(time.Duration(minutes.Load()) * time.Minute) }))
	s := startEarly(t, shell, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		usual, other := listPage("A", "one", "two", "three"), listPage("A", "one", "2", "three")
		s.learn(t, v, path, func(int) string { return usual }, 0)
		early := strings.TrimSuffix(usual, bodyEnd)
		r, gate := s.held(t, v, path, early, htmlPage(other))
		gate.Open()
		s.joins(t, r, path, early, other, "repaired")

		common, _, _ := strings.Cut(usual, "two")
		var depths []int
		for range 60 {
			minutes.Add(3)
			s.origin.Handle(path, htmlPage(usual)...)
			body, end := s.visit(t, v, path).rest(t)
			if unpad(body) != usual || end != cleanEnd {
				t.Fatalf("%s, %q", end, unpad(body))
			}
			entries := s.c.logs.own(t, 1, path)
			flushed, _ := entries[len(entries)-1]["flushed"].(float64)
			depths = append(depths, int(flushed)-len(body)+len(unpad(body)))
			if depths[len(depths)-1] == len(early) {
				break
			}
		}
		if depths[0] > len(common) {
			t.Errorf("right behind the repair %d bytes come early, want at most %d", depths[0], len(common))
		}
		if last := depths[len(depths)-1]; last != len(early) {
			t.Errorf("in the end %d bytes come early, want %d: %v", last, len(early), depths)
		}
	})
}
