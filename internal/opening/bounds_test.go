package opening

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Large headers are not kept.
func TestLargeHeaders(t *testing.T) {
	for size, want := range map[int]Reason{8 << 10: "", maxHeaders + 1: LargeHeader} {
		h := http.Header{"X-Large": {strings.Repeat("x", size)}}
		h.Set("Content-Type", "text/html; charset=utf-8")
		if _, reason, _ := Observe(LearnHeaders(nil, h), []byte(page), true, Scope{}); reason != want {
			t.Errorf("%d bytes of headers: %q, not %q", size, reason, want)
		}
	}
}

// A page depends on a few request headers at most, whether one response names them
// or many do.
func TestVaryIsBounded(t *testing.T) {
	var names []string
	p := newTrial()
	for i := range 3 * maxVary {
		name := fmt.Sprint("X-", i)
		names = append(names, name)
		p.answer(Answer{Observation: observation(page), Vary: []string{name}, Depth: -1})
	}
	if len(p.vary) != maxVary {
		t.Errorf("the page depends on %d headers", len(p.vary))
	}
	h := http.Header{"Content-Type": {"text/html"}, "Vary": {strings.Join(names, ", ")}}
	if reason := Committable(http.StatusOK, h); reason != VaryAll {
		t.Errorf("%d names: %q", len(names), reason)
	}
}
